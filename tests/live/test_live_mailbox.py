from ferdesk.live.mailbox import STEADY, Mailbox


def everything(box: Mailbox[int]) -> list[int]:
    found = []
    while (item := box.take()) is not None:
        found.append(item)
    return found


def test_with_room_for_one_the_newest_waits() -> None:
    box = Mailbox[int]()
    assert [box.put(item) for item in range(3)] == [0, 1, 1]
    assert everything(box) == [2]
    box.poke()
    assert box.wait() is None
    box.put(3)
    assert box.wait() == 3


def test_a_reader_that_is_late_once_loses_nothing() -> None:
    box = Mailbox[int](room=4)
    assert [box.put(item) for item in range(4)] == [0, 0, 0, 0]
    assert everything(box) == [0, 1, 2, 3]
    assert [box.put(item) for item in range(4)] == [0, 0, 0, 0]
    assert box.wait() == 0


def test_one_that_is_later_still_loses_the_oldest() -> None:
    box = Mailbox[int](room=4)
    assert [box.put(item) for item in range(5)] == [0, 0, 0, 0, 1]
    assert everything(box) == [1, 2, 3, 4]


def test_for_one_that_is_too_slow_the_newest_waits() -> None:
    box = Mailbox[int](room=4)
    lost = found = 0
    for item in range(0, 300, 3):  # takes one of three that come
        lost += sum(box.put(item + step) for step in range(3))
        taken = box.take()
        assert taken is not None
        assert item < 9 or taken == item + 2
        found += 1
    assert lost + found + len(everything(box)) == 300


def test_once_it_keeps_pace_again_there_is_room_again() -> None:
    box = Mailbox[int](room=4)
    for item in range(8):
        box.put(item)
    assert everything(box) == [7]
    for item in range(STEADY - 1):
        box.put(item)
        assert box.take() == item
    assert [box.put(item) for item in range(4)] == [0, 0, 0, 0]
    assert len(everything(box)) == 4


def test_a_late_one_begins_to_count_anew() -> None:
    box = Mailbox[int](room=4)
    for item in range(8):
        box.put(item)
    box.take()
    for item in range(STEADY // 2):
        box.put(item)
        box.take()
    assert [box.put(item) for item in range(2)] == [0, 1]
    assert everything(box) == [1]


def test_what_is_replaced_is_no_loss() -> None:
    box = Mailbox[int](room=4)
    for item in range(9):
        box.replace(item)
    assert everything(box) == [8]
    assert [box.put(item) for item in range(4)] == [0, 0, 0, 0]
    box.clear()
    assert box.take() is None
