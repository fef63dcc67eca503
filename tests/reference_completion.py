"""What the completion does, written to be read: the kernel must give the same keypoints."""

import math

import numpy as np

from edgepose._completion import LIMITS

f32 = np.float32


def complete(keypoints, scores, maps, channels):
    """Keypoints and scores, completed, as edgepose.completion.Completer completes them."""
    if maps.offsets is None or not len(keypoints):
        return keypoints, scores
    people, worth, unsure = keypoints.copy(), scores.copy(), LIMITS["unsure"]
    centres = find_centres(maps.heatmaps[:, :, channels.centre], maps.heat_quant)
    places = [believed(maps, channels, centre) for centre in centres]
    pairs = match(people, places)
    absorbed = absorb(people, worth, places, {centre: person for person, centre in pairs})
    worth *= np.array([f32(of_found(person)) for person in people]) * f32(unsure / (1 + unsure))
    for person, centre in pairs:
        worth[person] *= f32((unsure + float(centres[centre][0])) / unsure)
        fill(people[person], places[centre], maps, channels)
    extents = [extent_of_found(person) for person in people]
    worth *= np.array([f32(extent / (extent + LIMITS["coarse"])) for extent in extents])
    for person, extent in zip(people, extents, strict=True):
        if extent > LIMITS["broad"]:
            steady(person, maps, channels)
    whole = [person for person in range(len(people)) if person not in absorbed]
    return people[whole], worth[whole]


def absorb(people, scores, places, owners):
    """Which people are pieces of another, who gets their keypoints: that of the centre that they agree with best."""
    absorbed = set()
    for p, person in enumerate(people):
        if p in owners.values() or not places:
            continue
        agrees, centre = max(((agreement(person, at), c) for c, at in enumerate(places)), key=lambda found: found[0])
        if agrees < LIMITS["absorb"] or centre not in owners:
            continue
        owner = owners[centre]
        found, taken = person[:, 2] > 0, people[owner][:, 2] > 0
        apart = LIMITS["spread"] * extent_of(places[centre])
        elsewhere = [k for k in np.flatnonzero(found & taken) if is_astray(person[k], *people[owner][k, :2], apart)]
        if 2 * len(elsewhere) <= found.sum():
            new = found & ~taken
            square = float(scores[owner]) ** 2
            for confidence in person[new, 2]:
                square += float(confidence) / len(person)
            people[owner][new] = person[new]
            scores[owner] = f32(math.sqrt(square))
            absorbed.add(p)
    return absorbed


def of_found(person):
    """What the root of a mean over all keypoints is multiplied by, since those that are not found say less."""
    return math.pow(len(person) / max(1, int((person[:, 2] > 0).sum())), LIMITS["unseen"])


def extent_of_found(person):
    """The longer side of the box around what is known of a person, in cells."""
    found = person[person[:, 2] > 0, :2].astype(float)
    return float(np.ptp(found, axis=0).max()) if len(found) else 0.0


def find_centres(channel, quant):
    """(heat, row, column) of cells that are the warmest around, the warmest of them first."""
    height, width = channel.shape
    least = LIMITS["min_centre"] / float(f32(quant.scale)) + quant.zero_point
    found = []
    for y, x in np.argwhere(channel.astype(float) > least):
        around = channel[window(y, height, LIMITS["room"]), window(x, width, LIMITS["room"])]
        if (channel[y, x] >= around).all():
            heat = min(f32(1), (f32(channel[y, x]) - f32(quant.zero_point)) * f32(quant.scale))
            found.append((heat, int(y), int(x)))
    return sorted(found, key=lambda centre: (-centre[0], centre[1:]))[: LIMITS["centres"]]


def window(middle, size, reach):
    return slice(max(0, int(middle) - reach), min(size, int(middle) + reach + 1))


def believed(maps, channels, centre):
    """{keypoint: (x, y)} in cells, as the network tells them at a centre."""
    _, row, column = centre
    scale, zero_point = f32(maps.offset_quant.scale), f32(maps.offset_quant.zero_point)
    far, places = LIMITS["far"], {}
    for keypoint, pair in enumerate(channels.offsets):
        if pair is not None:
            with np.errstate(all="ignore"):
                offset = [float((f32(maps.offsets[row, column, channel]) - zero_point) * scale) for channel in pair]
            dx, dy = (0 if math.isnan(cells) else min(far, max(-far, cells)) for cells in offset)
            places[keypoint] = column + dx, row + dy
    return places


def match(people, places):
    """(person, centre) pairs, those that agree best first; neither is in two of them."""
    pairs = [(agreement(person, at), p, c) for p, person in enumerate(people) for c, at in enumerate(places)]
    taken = []
    for agrees, p, c in sorted(pairs, key=lambda pair: (-pair[0], pair[1:])):
        if agrees >= LIMITS["agree"] and all(p != other and c != used for other, used in taken):
            taken.append((p, c))
    return taken


def agreement(person, places):
    """0 to 1: how near the found keypoints lie to where a centre believes them to be."""
    spread = LIMITS["spread"] * extent_of(places)
    found = [(float(person[k, 0]) - x, float(person[k, 1]) - y) for k, (x, y) in places.items() if person[k, 2] > 0]
    return sum(math.exp(-(dx * dx + dy * dy) / (2 * spread * spread)) for dx, dy in found) / max(1, len(found))


def extent_of(places):
    """The longer side of the box around what a centre believes, in cells."""
    xs, ys = zip(*places.values(), strict=True)
    return max(LIMITS["extent_least"], max(xs) - min(xs), max(ys) - min(ys))


def fill(person, places, maps, channels):
    """Guesses where the (K, 3) person has nothing; better places for keypoints that lie astray."""
    for keypoint, (x, y) in places.items():
        heat = warmth(maps.heatmaps[:, :, channels.heats[keypoint]], maps.heat_quant)
        missing = person[keypoint, 2] == 0
        if missing or is_astray(person[keypoint], x, y, LIMITS["astray"] * extent_of(places)):
            column, row, warm = search(heat, x, y)
            if missing or warm >= f32(LIMITS["as_warm"]) * person[keypoint, 2]:
                sureness = min(f32(LIMITS["guess_limit"]), max(f32(LIMITS["guess_least"]), warm))
                person[keypoint] = column, row, sureness
    if channels.between is not None:
        middle, one, other = channels.between
        if person[middle, 2] == 0 and person[one, 2] > 0 and person[other, 2] > 0:
            person[middle, :2] = (person[one, :2] + person[other, :2]) / f32(2)
            person[middle, 2] = min(person[one, 2], person[other, 2], f32(LIMITS["guess_limit"]))


def is_astray(keypoint, x, y, cells):
    return (float(keypoint[0]) - float(x)) ** 2 + (float(keypoint[1]) - float(y)) ** 2 > cells**2


def warmth(channel, quant):
    """A heat map as float32 from 0 to 1; what is no number is cold."""
    with np.errstate(all="ignore"):
        heat = (channel.astype(f32) - f32(quant.zero_point)) * f32(quant.scale)
    return np.clip(np.nan_to_num(heat, nan=0, posinf=1, neginf=0), 0, 1)


def search(heat, x, y):
    """x, y and heat of the best place near the regressed one."""
    height, width = heat.shape
    near_x, near_y = round(min(max(x, 0), width - 1)), round(min(max(y, 0), height - 1))
    worth = {}
    for row in range(*window(near_y, height, LIMITS["reach"]).indices(height)):
        for column in range(*window(near_x, width, LIMITS["reach"]).indices(width)):
            dx, dy = column - x, row - y
            warm = float(heat[row, column] + f32(LIMITS["cold"]))
            worth[row, column] = warm / (math.sqrt(dx * dx + dy * dy) + LIMITS["near"])
    row, column = max(worth, key=worth.get)  # of equal ones the first
    return column + shift(heat[row], column), row + shift(heat[:, column], row), heat[row, column]


def shift(line, at):
    """Where the parabola through the logarithms of three neighbours is highest, -0.5 to 0.5 cells."""
    before, here, after = (
        math.log(max(float(line[min(max(at + step, 0), len(line) - 1)]), LIMITS["log_floor"])) for step in (-1, 0, 1)
    )
    bend = before - 2 * here + after
    return min(0.5, max(-0.5, 0.5 * (before - after) / bend)) if bend < -LIMITS["bend_least"] else 0.0


def steady(person, maps, channels):
    """Keypoints of a person of many cells in the middle of their spots of heat."""
    for keypoint, pair in enumerate(channels.offsets):
        if pair is None or person[keypoint, 2] == 0:
            continue
        heat = warmth(maps.heatmaps[:, :, channels.heats[keypoint]], maps.heat_quant)
        height, width = heat.shape
        x, y = (
            round(min(max(float(at), 0), size - 1))
            for at, size in zip(person[keypoint, :2], (width, height), strict=True)
        )
        for _ in range(LIMITS["climb"]):
            rows, columns = window(y, height, 1), window(x, width, 1)
            around = heat[rows, columns]
            if around.max() > heat[y, x]:
                row, column = np.unravel_index(around.argmax(), around.shape)
                y, x = rows.start + int(row), columns.start + int(column)
        if heat[y, x] < f32(LIMITS["lukewarm"]):
            continue
        total = across = down = 0.0
        for row in range(*window(y, height, LIMITS["spot"]).indices(height)):
            for column in range(*window(x, width, LIMITS["spot"]).indices(width)):
                warm = float(heat[row, column])
                weight = warm * warm * warm
                total, across, down = total + weight, across + weight * column, down + weight * row
        person[keypoint, :2] = across / total, down / total
