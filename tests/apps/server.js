// Serves HTTP on 127.0.0.1:$PORT until SIGTERM, then closes and exits 0.
"use strict";

const http = require("http");

const server = http.createServer((_request, response) => response.end("hello\n"));
server.listen(process.env.PORT, "127.0.0.1", () => {
  console.log(`listening ${server.address().port}`);
});
process.on("SIGTERM", () => {
  server.close();
  server.closeAllConnections();
});
