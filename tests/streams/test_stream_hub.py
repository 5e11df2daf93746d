"""The hub waits for nobody, and what one output does is no other's trouble."""

import logging
import threading
import time

import pytest
from stream_fakes import Listed, a_live_result, eventually

from ferdesk.streams.hub import OutputCount, StreamHub


def test_every_output_gets_each_result_in_order() -> None:
    one, other = Listed("one", capacity=100), Listed("other", capacity=100)
    hub = StreamHub([one, other])
    for index in range(20):
        hub.send(a_live_result(index))
        assert eventually(lambda index=index: index in one.got)
    assert hub.close()
    assert one.got == other.got == list(range(20))
    assert one.closed.is_set()
    assert hub.counts() == [OutputCount("one", 20, 0), OutputCount("other", 20, 0)]
    assert hub.statuses()[0] == ("one", "one got 20", False)


def test_a_slow_output_misses_the_oldest_and_the_sender_does_not_wait() -> None:
    hold = threading.Event()
    slow, newest, quick = (
        Listed("slow", capacity=3, hold=hold),
        Listed("newest", capacity=1, hold=hold),
        Listed("quick", capacity=100),
    )
    hub = StreamHub([slow, newest, quick])
    hub.send(a_live_result(0))
    assert eventually(lambda: quick.got == [0])
    assert eventually(lambda: slow.busy and newest.busy)
    longest = 0.0
    for index in range(1, 21):
        started = time.monotonic()
        hub.send(a_live_result(index))
        longest = max(longest, time.monotonic() - started)
        assert eventually(lambda index=index: index in quick.got)
    assert longest < 0.5
    assert "17 dropped" in hub.statuses()[0].text
    hold.set()
    assert hub.close()
    assert slow.got == [0, 18, 19, 20]
    assert newest.got == [0, 20]
    assert [count.dropped for count in hub.counts()] == [17, 19, 0]


def test_a_failing_output_is_switched_off_with_its_reason(
    caplog: pytest.LogCaptureFixture,
) -> None:
    bad, good = Listed("bad", fails_at=2), Listed("good", capacity=100)
    hub = StreamHub([bad, good])
    for index in range(6):
        hub.send(a_live_result(index))
        assert eventually(lambda index=index: index in good.got)
    assert bad.closed.wait(5)
    assert bad.got == [0, 1]
    status = hub.statuses()[0]
    assert status == ("bad", "bad is off: RuntimeError: the plug was pulled", True)
    assert "bad was switched off" in caplog.text
    assert good.got == list(range(6))
    assert hub.running
    assert hub.close()


def test_a_switched_off_output_can_be_replaced() -> None:
    again = Listed("same")
    hub = StreamHub([Listed("same", fails_at=0)])
    with pytest.raises(ValueError, match="runs already"):
        hub.add(again)
    hub.send(a_live_result(0))
    assert eventually(lambda: not hub.running)
    hub.add(again)
    hub.send(a_live_result(1))
    assert hub.close()
    assert again.got == [1]
    assert len(hub.statuses()) == 1


def test_a_stuck_output_is_seen_and_left_behind(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("ferdesk.streams.hub._STUCK_S", 0.05)
    hold = threading.Event()
    stuck, good = Listed("stuck", hold=hold), Listed("good")
    hub = StreamHub([stuck, good])
    hub.send(a_live_result(0))
    assert eventually(lambda: hub.statuses()[0].trouble)
    assert "hangs for" in hub.statuses()[0].text
    with caplog.at_level(logging.WARNING):
        assert not hub.close(timeout_s=0.3)
    assert "stuck hangs and is left behind" in caplog.text
    assert good.closed.is_set()
    assert not stuck.closed.is_set()
    hold.set()
    assert stuck.closed.wait(5)


def test_outputs_come_and_go_while_it_runs() -> None:
    first, second = Listed("first"), Listed("second")
    hub = StreamHub([first])
    hub.send(a_live_result(0))
    assert eventually(lambda: first.got == [0])
    hub.add(second)
    hub.send(a_live_result(1))
    assert eventually(lambda: first.got == [0, 1] and second.got == [1])
    assert hub.remove("first")
    assert first.closed.is_set()
    assert hub.remove("never there")
    hub.send(a_live_result(2))
    assert [status.name for status in hub.statuses()] == ["second"]
    assert hub.close()
    assert hub.close()
    hub.send(a_live_result(3))
    assert first.got == [0, 1]
    assert second.got == [1, 2]
    with pytest.raises(ValueError, match="closed"):
        hub.add(Listed("late"))


def test_an_output_that_cannot_be_closed_says_so() -> None:
    class Sticky(Listed):
        def close(self) -> None:
            raise OSError("the device is busy")

    hub = StreamHub([Sticky("sticky")])
    assert hub.close()
    assert hub.statuses()[0].text == "sticky is off: OSError: the device is busy"


def test_a_burst_is_bounded_and_counted() -> None:
    output = Listed("one", capacity=1000)
    hub = StreamHub([output])
    with hub._lock:  # nothing is handed out meanwhile
        for index in range(100):
            hub.send(a_live_result(index))
        assert hub._inbox._queue.qsize() <= 16
    assert hub.close()
    (count,) = hub.counts()
    assert count.sent + count.dropped == 100
    assert output.got[-1] == 99
