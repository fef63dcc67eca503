"""The command line: finds the command, runs it, and turns errors into one sentence and an exit code."""

import argparse
import importlib
import os
import sys
from collections.abc import Sequence

from edgepose.errors import EdgeposeError
from edgepose.version import __version__

COMMANDS = {
    "demo": "play the bundled clip through the whole pipeline and show what is published",
    "run": "the daemon: cameras in, skeletons out over MQTT",
    "predict": "pictures, folders, videos and streams to keypoint files",
    "eval": "COCO keypoint AP of a network",
    "replay": "clips through tracking and care: what a camera that saw them would have told",
    "bench": "each stage and the whole pipeline, timed side by side",
    "setup": "five questions, and a first configuration that works",
    "check": "validate a configuration file, all problems at once",
    "doctor": "look at camera, broker, network, clock and disk, and say what to do",
    "models": "the networks that are installed",
    "schema": "print the JSON schema of the configuration, for editors",
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code: 0, 1 runtime failure, 2 usage, 78 bad configuration."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    args = _parser(given).parse_args(given)
    try:
        code: int = args.run(args)
        sys.stdout.flush()
    except EdgeposeError as exc:
        if args.debug:
            raise
        from edgepose.logs import last_word

        last_word(f"edgepose: {exc}")
        return exc.exit_code
    except BrokenPipeError:
        # The reader of our output has gone, as `| head` does; that is no failure. Python flushes again at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        return 130
    except MemoryError:
        if args.debug:
            raise
        print("edgepose: out of memory", file=sys.stderr)  # noqa: T201
        return 1
    return code


def _parser(given: Sequence[str]) -> argparse.ArgumentParser:
    """The parser, with the arguments of the command that is meant: the others' modules are never imported."""
    parser = argparse.ArgumentParser(
        prog="edgepose", description="Multi-person pose on the edge; no picture ever leaves the device."
    )
    parser.add_argument("--version", action="version", version=f"edgepose {__version__}")
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--debug", action="store_true", help="show the traceback of an error")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    for name, help_text in COMMANDS.items():
        command = commands.add_parser(name, help=help_text, description=_sentence(help_text), parents=[common])
        if name in given:
            module = importlib.import_module(f"edgepose.commands.{name}")
            module.add_arguments(command)
            command.set_defaults(run=module.run)
    return parser


def _sentence(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}."
