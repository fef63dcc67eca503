"""`edgepose predict`: pictures, folders, videos and streams to keypoint files."""

import argparse
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path

from edgepose import interrupts, networks
from edgepose.adapters.clip_length import frame_count
from edgepose.adapters.sources import open_source
from edgepose.commands.arguments import (
    add_association_arguments,
    add_network_arguments,
    association,
    number_above,
    whole_number,
)
from edgepose.config import FileSource, SourceConfig
from edgepose.errors import ConfigError, UsageError
from edgepose.evaluation import image_ids
from edgepose.formats import FORMATS, OPENPOSE_LAYOUTS, SCALES, Form, ImageIds, Writer
from edgepose.formats.heatmaps import FORMS as HEATMAP_FORMS
from edgepose.inputs import Input, read_inputs
from edgepose.picture_pool import PicturePool
from edgepose.ports import Source
from edgepose.prediction import Prediction
from edgepose.prediction_setup import Drawn, Looks, StagesOf, WhereSeen, equip, text_writer
from edgepose.progress import Progress
from edgepose.skeleton import LAYOUTS
from edgepose.wholebody.settings import WholeBodySettings

STALL_S = 10.0
"""A stream that gives nothing for so long is over."""
_WORTH_A_PROCESS = 4
"""Pictures that a process should have, since loading its network takes as long."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument(
        "inputs",
        nargs="+",
        metavar="INPUT",
        help="a picture, folder of pictures, video, rtsp:// or http:// URL, or /dev/videoN",
    )
    _add_output_arguments(parser)
    _add_picture_arguments(parser)
    add_network_arguments(parser)
    add_association_arguments(parser)
    _add_part_arguments(parser)
    parser.add_argument(
        "--number-people-max",
        type=whole_number(1, 200),
        metavar="N",
        help="keep the N people of a frame with the best scores",
    )
    parser.add_argument(
        "--rotate", type=int, choices=(0, 90, 180, 270), default=0, help="clockwise degrees that bring pictures upright"
    )
    parser.add_argument(
        "--jobs",
        type=whole_number(0, 256),
        default=0,
        metavar="N",
        help="processes for pictures (default: one a core, where there are enough of them)",
    )


def _add_part_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--wholebody", action="store_true", help="also look for hands, faces and feet")
    parser.add_argument("--hands", action="store_true", help="also look for 21 keypoints of each hand")
    parser.add_argument("--face", action="store_true", help="also look for 70 keypoints of each face")
    parser.add_argument("--feet", action="store_true", help="also look for toes and heels, as BODY_25 has them")


def _add_output_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--format",
        choices=tuple(FORMATS),
        default="native",
        help=f"{'; '.join(f'{name}: {a_format.help}' for name, a_format in FORMATS.items())} (default: native)",
    )
    parser.add_argument(
        "--out", metavar="DIR|-", help="a folder, or - for standard output (default: -, or nothing where pictures are)"
    )
    parser.add_argument(
        "--layout",
        type=_layout,
        metavar="NAME",
        help=f"keypoint order: {', '.join(OPENPOSE_LAYOUTS)}, or body18, body25, coco17, mpi15 (default: as usual for "
        "the format)",
    )
    parser.add_argument(
        "--keypoint-scale",
        choices=tuple(SCALES),
        default="source",
        help=f"{'; '.join(f'{name}: {text}' for name, text in SCALES.items())} (default: source)",
    )
    parser.add_argument(
        "--annotations", type=Path, metavar="FILE", help="a COCO file to take image ids from (coco formats only)"
    )
    parser.add_argument(
        "--resume", action="store_true", help="leave out what an earlier run has left in the folders, and add the rest"
    )


def _add_picture_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--render", type=Path, metavar="DIR", help="also write pictures and clips with skeletons drawn in"
    )
    parser.add_argument("--write-video", type=Path, metavar="FILE", help="also write all that is drawn as one .mp4")
    parser.add_argument("--video-fps", type=number_above(0), metavar="HZ", help="frames a second of --write-video")
    parser.add_argument("--black", action="store_true", help="draw on black, not over the picture")
    parser.add_argument(
        "--write-heatmaps", type=Path, metavar="DIR", help="also write heat maps and part affinity fields"
    )
    parser.add_argument(
        "--heatmaps-format",
        choices=tuple(HEATMAP_FORMS),
        default="png",
        help=f"{'; '.join(f'{name}: {text}' for name, text in HEATMAP_FORMS.items())} (default: png)",
    )


def run(args: argparse.Namespace) -> int:
    """Predict everything; 1 where an input failed, with what was read of it kept."""
    _check(args)
    inputs = read_inputs(args.inputs)
    sources = {an_input: _source(an_input) for an_input in inputs}
    network = networks.load(args.model)
    side = network.sidecar
    looks = _looks(args)
    form = Form(args.layout, args.keypoint_scale, (side.input.height, side.input.width), tracked=True)
    jobs = _jobs(args, inputs)
    with interrupts.interruptible(), ExitStack() as stack:
        writers = [_closed_with(stack, writer) for writer in _writers(args, inputs, looks, form)]
        pool = _pool(stack, jobs, (looks, _drawn(args, inputs)))
        progress = _bar(args, inputs)
        prediction = Prediction(StagesOf(looks, side.skeleton.layout), writers, progress, only_missing=args.resume)
        stack.callback(lambda: progress.say(f"edgepose: {prediction.summary()}"))
        stack.enter_context(progress)
        prediction.play_all(inputs, sources.__getitem__, pool)
    return 1 if prediction.failed else 0


def _check(args: argparse.Namespace) -> None:
    """Raise UsageError for arguments that contradict each other."""
    a_format, out = FORMATS[args.format], _out(args)
    if args.annotations and not args.format.startswith("coco"):
        raise UsageError("--annotations gives image ids to the coco formats; leave it out for the others")
    if not a_format.formed and (args.layout or args.keypoint_scale != "source"):
        raise UsageError(f"{args.format} has one layout and scale; leave out --layout and --keypoint-scale")
    if out == "-" and a_format.to_stdout is None:
        raise UsageError(f"{args.format} is a file a frame; name a folder with --out")
    if args.resume and (out == "-" or args.write_video):
        raise UsageError("--resume goes on in folders: name one with --out, and leave out --write-video")
    if args.black and not (args.render or args.write_video):
        raise UsageError("--black is about what is drawn; add --render or --write-video")
    if args.video_fps and not args.write_video:
        raise UsageError("--video-fps is about --write-video; add that")
    if args.write_video and args.write_video.suffix.lower() != ".mp4":
        raise UsageError(f"--write-video writes .mp4; {args.write_video.name} ends otherwise")


def _looks(args: argparse.Namespace) -> Looks:
    return Looks(
        model=args.model,
        threads=args.threads,
        association=association(args),
        rotate=args.rotate,
        people_max=args.number_people_max,
        keep_maps=args.write_heatmaps is not None,
        wholebody=WholeBodySettings(
            hands=args.hands or args.wholebody,
            face=args.face or args.wholebody,
            feet=args.feet or args.wholebody,
        ),
    )


def _drawn(args: argparse.Namespace, inputs: Sequence[Input]) -> Drawn:
    return Drawn(_files(inputs), args.render, args.write_heatmaps, args.heatmaps_format, args.black)


def _files(inputs: Sequence[Input]) -> tuple[Path, ...]:
    return tuple(Path(an_input.text) for an_input in inputs if "://" not in an_input.text)


def _writers(args: argparse.Namespace, inputs: Sequence[Input], looks: Looks, form: Form) -> Iterator[Writer]:
    out = _out(args)
    if out:
        ids = ImageIds(image_ids(args.annotations) if args.annotations else None)
        yield text_writer(args.format, out, _files(inputs), ids, form, resume=args.resume)
    for writer in _drawn(args, inputs).writers(looks):
        yield WhereSeen(writer)
    if args.write_video:
        from edgepose.formats.folder import OutputFolder
        from edgepose.formats.rendered import Drawing, OneClip

        path = OutputFolder(args.write_video.parent, _files(inputs)).fresh(args.write_video.name)
        yield OneClip(path, Drawing(args.rotate, black=args.black), args.video_fps)


def _out(args: argparse.Namespace) -> str:
    """Where results go: a folder, - for standard output, or nothing where only pictures are wanted."""
    return str(args.out or ("" if args.render or args.write_video or args.write_heatmaps else "-"))


def _jobs(args: argparse.Namespace, inputs: Sequence[Input]) -> int:
    """Processes for pictures."""
    if args.write_video:
        return 1  # whoever writes the video wants to see every picture
    pictures = sum(an_input.picture for an_input in inputs)
    cores = len(os.sched_getaffinity(0)) // max(1, args.threads)
    most: int = args.jobs or cores
    return min(most, max(1, pictures if args.jobs else pictures // _WORTH_A_PROCESS))


def _pool(stack: ExitStack, jobs: int, settings: tuple[Looks, Drawn]) -> PicturePool | None:
    if jobs <= 1:
        return None
    from dataclasses import replace

    looks, drawn = settings
    pool = PicturePool(jobs, equip, (replace(looks, threads=looks.threads or 1), drawn))
    stack.callback(pool.close)
    return pool


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


def _layout(text: str) -> str:
    """Our name of a layout, from OpenPose's or ours, for `type=`."""
    bodies = [name for name in LAYOUTS if name in ("body18", "body25", "coco17", "mpi15")]
    name = OPENPOSE_LAYOUTS.get(text.upper(), text.lower())
    if name not in bodies:
        raise argparse.ArgumentTypeError(f"{text!r} is none of {', '.join((*OPENPOSE_LAYOUTS, *bodies))}")
    return name


def _source(an_input: Input) -> Source:
    """The source, which opens nothing yet."""
    try:
        return open_source(an_input.source, stall_timeout_s=STALL_S)
    except ConfigError as exc:
        raise UsageError(str(exc)) from exc
