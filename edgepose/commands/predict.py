"""`edgepose predict`: pictures, folders, videos and streams to keypoint files."""

import argparse
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from edgepose import networks
from edgepose.adapters.clip_length import frame_count
from edgepose.adapters.sources import open_source
from edgepose.commands.arguments import add_association_arguments, add_network_arguments, association
from edgepose.config import Camera, FileSource, Model, Mount, SourceConfig
from edgepose.errors import ConfigError, UsageError
from edgepose.evaluation import image_ids
from edgepose.formats import FORMATS, ImageIds, OutputFolder, Writer
from edgepose.formats.rendered import Rendered
from edgepose.inputs import Input, read_inputs
from edgepose.pipeline import Pipeline
from edgepose.ports import Source
from edgepose.prediction import Prediction
from edgepose.progress import Progress

STALL_S = 10.0
"""A stream that gives nothing for so long is over."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument(
        "inputs",
        nargs="+",
        metavar="INPUT",
        help="a picture, folder of pictures, video, rtsp:// or http:// URL, or /dev/videoN",
    )
    parser.add_argument(
        "--format",
        choices=tuple(FORMATS),
        default="native",
        help=f"{'; '.join(f'{name}: {a_format.help}' for name, a_format in FORMATS.items())} (default: native)",
    )
    parser.add_argument(
        "--out", metavar="DIR|-", help="a folder, or - for standard output (default: -, or nothing with --render)"
    )
    parser.add_argument(
        "--render", type=Path, metavar="DIR", help="also write pictures and clips with skeletons drawn in"
    )
    add_network_arguments(parser)
    add_association_arguments(parser)
    parser.add_argument(
        "--rotate", type=int, choices=(0, 90, 180, 270), default=0, help="clockwise degrees that bring pictures upright"
    )
    parser.add_argument(
        "--annotations", type=Path, metavar="FILE", help="a COCO file to take image ids from (coco only)"
    )


def run(args: argparse.Namespace) -> int:
    """Predict everything; 1 where an input failed, with what was read of it kept."""
    if args.annotations and args.format != "coco":
        raise UsageError("--annotations gives image ids to --format coco; leave it out for the others")
    inputs = read_inputs(args.inputs)
    sources = {an_input: _source(an_input) for an_input in inputs}
    pipeline = _pipeline(args, inputs)
    with _terminable(), ExitStack() as stack:
        writers = [_closed_with(stack, writer) for writer in _writers(args, inputs)]
        progress = _bar(args, tuple(sources))
        prediction = Prediction(pipeline, writers, progress)
        stack.callback(lambda: progress.say(f"edgepose: {prediction.summary()}"))
        stack.enter_context(progress)
        prediction.play_all(sources)
    return 1 if prediction.failed else 0


def _pipeline(args: argparse.Namespace, inputs: Sequence[Input]) -> Pipeline:
    return networks.build_pipeline(
        networks.load(args.model),
        Model(threads=args.threads),
        association(args),
        Camera(source=inputs[0].source, mount=Mount(rotate=args.rotate)),
    )


def _writers(args: argparse.Namespace, inputs: Sequence[Input]) -> Iterator[Writer]:
    files = [Path(an_input.text) for an_input in inputs if "://" not in an_input.text]
    ids = ImageIds(image_ids(args.annotations) if args.annotations else None)
    out = _out(args)
    if out == "-":
        yield FORMATS[args.format].to_stdout(ids)
    elif out:
        yield FORMATS[args.format].to_folder(OutputFolder(Path(out), files), ids)
    if args.render:
        yield Rendered(OutputFolder(args.render, files), args.rotate)


def _out(args: argparse.Namespace) -> str:
    """Where results go: a folder, - for standard output, or nothing where only pictures are wanted."""
    return str(args.out or ("" if args.render else "-"))


def _closed_with(stack: ExitStack, writer: Writer) -> Writer:
    stack.callback(writer.close)
    return writer


def _bar(args: argparse.Namespace, inputs: Sequence[Input]) -> Progress:
    """A bar, unless results run over the same terminal."""
    on_terminal = sys.stderr.isatty() and not (_out(args) == "-" and sys.stdout.isatty())
    return Progress(_total(inputs) if on_terminal else None, "frames", enabled=on_terminal)


def _total(inputs: Sequence[Input]) -> int | None:
    """How many frames there will be; None where a stream or camera may go on for ever."""
    counts = [1 if an_input.picture else _clip_length(an_input.source) for an_input in inputs]
    return None if None in counts else sum(count for count in counts if count)


def _clip_length(source: SourceConfig) -> int | None:
    return frame_count(Path(source.path)) if isinstance(source, FileSource) else None


def _source(an_input: Input) -> Source:
    """The source, which opens nothing yet."""
    try:
        return open_source(an_input.source, stall_timeout_s=STALL_S)
    except ConfigError as exc:
        raise UsageError(str(exc)) from exc


@contextmanager
def _terminable() -> Iterator[None]:
    """SIGTERM ends the work as Ctrl-C does, so that what was written is finished."""
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
