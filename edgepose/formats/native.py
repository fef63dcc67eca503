"""Our own format: one JSON object a frame, a line each.

{"file":"a.jpg","seq":0,"t_s":0.0,"w":640,"h":480,"layout":"body18",
 "people":[{"id":1,"score":0.81,"box":[left,top,right,bottom],"keypoints":[[x,y,confidence],…]}]}

A frame of a clip or stream has `source` in the place of `file`. Pixels count from the top left pixel's centre; a
keypoint that was not found is 0, 0, 0.
"""

from typing import Any

import msgspec

from edgepose.domain import FrameResult, Track
from edgepose.formats.keypoints import triples
from edgepose.formats.origin import Origin


def encode(result: FrameResult, origin: Origin) -> str:
    """One line of JSON, without its end of line."""
    return msgspec.json.encode(document(result, origin)).decode()


def document(result: FrameResult, origin: Origin) -> dict[str, Any]:
    """The same as plain values."""
    frame = result.frame
    return {
        "file" if frame.name else "source": origin.source,
        "seq": frame.seq,
        "t_s": round(frame.t_s, 6),
        "w": result.size[0],
        "h": result.size[1],
        "layout": result.layout,
        "people": [_person(track) for track in result.tracks],
    }


def _person(track: Track) -> dict[str, Any]:
    return {
        "id": track.id,
        "score": round(track.pose.score, 4),
        "box": [round(edge, 2) for edge in track.pose.box()],
        "keypoints": triples(track.pose.keypoints),
    }
