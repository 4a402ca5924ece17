"""The process managers that are compared."""

from __future__ import annotations

from typing import TYPE_CHECKING

from peers.pm2 import Pm2
from peers.runit import Runit
from peers.supervisor import Supervisor
from peers.tsm import Tsm

if TYPE_CHECKING:
    from lab.site import Site
    from peers.peer import Peer

PEERS = (Tsm.name, Pm2.name, Supervisor.name, Runit.name)


def every_peer(site: Site) -> list[Peer]:
    """Answer all peers, in the order of the table, installed or not."""
    return [Tsm(site), Pm2(site), Supervisor(site), Runit(site)]
