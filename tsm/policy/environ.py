"""What the environment of a child is made of."""

from __future__ import annotations

from tsm.policy.signs import OF_TSM

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from tsm.spec import Spec

# What --clean-env keeps of the caller's environment.
BASIC = (b"HOME", b"LANG", b"LOGNAME", b"PATH", b"SHELL", b"TZ", b"USER")
# True of the caller, which may be a hook, and not of the child.
_OF_THE_CALLER = frozenset(
    b"OLDPWD TSM_RUN TSM_NAME TSM_EVENT TSM_PID TSM_EXIT_CODE TSM_SIGNAL TSM_REASON _".split()
) | {*OF_TSM, b""}  # a variable without a name could not be passed on
_MASK = "********"
_SECRET = ("SECRET", "TOKEN", "PASSW", "PASSPHRASE", "APIKEY", "API_KEY", "PRIVATE", "CREDENTIAL")
_SECRET_ENDS = ("_KEY", "_PWD", "_AUTH", "_DSN", "DATABASE_URL")


def composed(
    spec: Spec,
    caller: Mapping[bytes, bytes],
    dotenv: Mapping[bytes, bytes],
    account: Mapping[bytes, bytes] | None = None,
) -> dict[bytes, bytes]:
    """The child's environment: the caller's, then the env file's, then what tsm was told.

    `account` is what says who the user is, over the caller's.

    PWD is the child's working directory, PORT the port of the spec, TSM_NAME the name.
    TSM_RUN and `signs` are added for each run.
    """
    if spec.clean_env:
        environ = {key: value for key, value in caller.items() if key in BASIC}
    else:
        environ = {key: value for key, value in caller.items() if key not in _OF_THE_CALLER}
    environ.update(account or {})
    environ.update(dotenv)
    environ.update((_bytes(key), _bytes(value)) for key, value in spec.env.items())
    environ[b"PWD"] = _bytes(spec.cwd)
    environ[b"TSM_NAME"] = _bytes(spec.name)
    if spec.port is not None:
        environ[b"PORT"] = b"%d" % spec.port
    return environ


def is_secret(key: str) -> bool:
    """Whether a variable of that name is likely to hold something not to be shown."""
    word = key.upper()
    return any(part in word for part in _SECRET) or word.endswith(_SECRET_ENDS)


def masked(environ: Mapping[str, str]) -> dict[str, str]:
    """The variables with stars in place of what is likely to be secret."""
    return {key: _MASK if is_secret(key) else value for key, value in environ.items()}


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")
