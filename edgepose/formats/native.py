"""Our own format: one JSON object a frame, a line each.

{"file":"a.jpg","seq":0,"t_s":0.0,"w":640,"h":480,"layout":"body18",
 "people":[{"id":1,"score":0.81,"box":[left,top,right,bottom],"keypoints":[[x,y,confidence],…]}]}

A frame of a clip or stream has `source` in the place of `file`. Pixels count from the top left pixel's centre; a
keypoint that was not found is 0, 0, 0. People whose face, left_hand, right_hand or feet were looked for have a list
under that name too, in face70, hand21 and feet6 order.
"""

from typing import Any

import msgspec

from edgepose.domain import FrameResult, Pose, Track
from edgepose.formats.form import PLAIN, Form
from edgepose.formats.origin import Origin


def encode(result: FrameResult, origin: Origin, *, form: Form = PLAIN) -> str:
    """One line of JSON, without its end of line."""
    return msgspec.json.encode(document(result, origin, form)).decode()


def document(result: FrameResult, origin: Origin, form: Form = PLAIN) -> dict[str, Any]:
    """The same as plain values."""
    frame = result.frame
    scale = {} if form.scale == "source" else {"scale": form.scale}
    return {
        "file" if frame.name else "source": origin.source,
        "seq": frame.seq,
        "t_s": round(frame.t_s, 6),
        "w": result.size[0],
        "h": result.size[1],
        "layout": form.layout or result.layout,
        **scale,
        "people": [_person(track, result, form) for track in result.tracks],
    }


def _person(track: Track, result: FrameResult, form: Form) -> dict[str, Any]:
    pose = track.pose
    return {
        "id": track.id,
        "score": round(pose.score, 4),
        "box": form.box(pose, result.size),
        "keypoints": form.body(pose, result.layout, result.layout, result.size),
        **_parts(pose, result, form),
    }


def _parts(pose: Pose, result: FrameResult, form: Form) -> dict[str, Any]:
    parts = pose.parts
    named = {
        "face": parts.face,
        "left_hand": parts.left_hand,
        "right_hand": parts.right_hand,
        "feet": parts.feet,
    }
    return {name: form.triples(found, result.size) for name, found in named.items() if found is not None}
