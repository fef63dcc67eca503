"""How long to wait before trying again."""

import random

from edgepose.backoff import Backoff


def test_waits_double_up_to_a_bound_with_half_of_them_left_to_chance():
    seed = random.randrange(2**32)
    print("seed", seed)
    backoff = Backoff(first_s=1, most_s=60, rng=random.Random(seed))
    for bound_s in (1, 2, 4, 8, 16, 32, 60, 60, 60):
        assert bound_s / 2 <= backoff.next_wait() <= bound_s


def test_a_success_that_lasted_begins_again():
    backoff = Backoff(first_s=1, most_s=60, stable_s=30)
    for _ in range(10):
        backoff.next_wait()
    assert backoff.next_wait(lasted_s=31) <= 1
    assert backoff.next_wait() > 0.5


def test_a_success_that_did_not_last_is_no_success():
    backoff = Backoff(first_s=1, most_s=60, stable_s=30)
    for _ in range(10):
        backoff.next_wait(lasted_s=2)
    assert backoff.next_wait(lasted_s=2) >= 30


def test_two_devices_do_not_come_back_together():
    assert Backoff(rng=random.Random(1)).next_wait() != Backoff(rng=random.Random(2)).next_wait()
