"""Completion scripts, written from the table of commands."""

from __future__ import annotations

from tsm.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_NAMES = "tsm path all 2>/dev/null | sed 's,.*/,,'"


class Row(Record):
    """What can follow one command."""

    name: str
    aliases: tuple[str, ...]
    sentence: str
    options: tuple[str, ...]
    takes_names: bool

    @property
    def words(self) -> tuple[str, ...]:
        """The name and the aliases."""
        return (self.name, *self.aliases)


def bash(rows: Sequence[Row]) -> str:
    """For `eval "$(tsm completion bash)"`."""
    cases = "".join(
        f"        {'|'.join(row.words)}) words='{' '.join(row.options)}'{_bash_names(row)} ;;\n"
        for row in rows
    )
    commands = " ".join(word for row in rows for word in row.words)
    return (
        "_tsm() {\n"
        '    local words="" names="" current="${COMP_WORDS[COMP_CWORD]}"\n'
        '    if [ "$COMP_CWORD" -eq 1 ]; then\n'
        f"        words='{commands} --help --version'\n"
        '    else case "${COMP_WORDS[1]}" in\n'
        f"{cases}"
        "    esac; fi\n"
        '    case "$current" in -*) names="" ;; esac\n'
        '    COMPREPLY=($(compgen -W "$words $names" -- "$current"))\n'
        "}\n"
        "complete -o default -F _tsm tsm\n"
    )


def zsh(rows: Sequence[Row]) -> str:
    """For `eval "$(tsm completion zsh)"`, after compinit."""
    commands = " ".join(f"'{word}:{row.sentence}'" for row in rows for word in row.words)
    cases = "".join(
        f"        {'|'.join(row.words)}) options=({' '.join(row.options)}){_zsh_names(row)} ;;\n"
        for row in rows
    )
    return (
        "#compdef tsm\n"
        "_tsm() {\n"
        "    local -a commands options names\n"
        f"    commands=({commands})\n"
        "    if (( CURRENT == 2 )); then _describe command commands; return; fi\n"
        '    case "$words[2]" in\n'
        f"{cases}"
        "    esac\n"
        '    if [[ "$PREFIX" == -* ]]; then compadd -- $options; return; fi\n'
        "    compadd -- $names\n"
        "    _files\n"
        "}\n"
        "compdef _tsm tsm\n"
    )


def fish(rows: Sequence[Row]) -> str:
    """For `tsm completion fish | source`."""
    lines = ["complete -c tsm -n 'not __fish_seen_subcommand_from start' -f\n"]
    for row in rows:
        seen = f"'__fish_seen_subcommand_from {' '.join(row.words)}'"
        lines += [
            f"complete -c tsm -n __fish_use_subcommand -a {word} -d '{row.sentence}'\n"
            for word in row.words
        ]
        lines += [f"complete -c tsm -n {seen} {_fish_option(option)}\n" for option in row.options]
        if row.takes_names:
            lines.append(f'complete -c tsm -n {seen} -a "({_NAMES}) all"\n')
    return "".join(lines)


SCRIPTS: dict[str, Callable[[Sequence[Row]], str]] = {"bash": bash, "zsh": zsh, "fish": fish}


def _bash_names(row: Row) -> str:
    return f' names="$({_NAMES}) all"' if row.takes_names else ""


def _zsh_names(row: Row) -> str:
    return f' names=(${{(f)"$({_NAMES})"}} all)' if row.takes_names else ""


def _fish_option(option: str) -> str:
    return f"-l {option[2:]}" if option.startswith("--") else f"-s {option[1:]}"
