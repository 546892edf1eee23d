"""What the gate wants reaches the bus's thread: the newest, once, and only while it is fresh."""

import threading

from sim2real_ad.dbw.orders import Order, Orders
from sim2real_ad.types import ControlCommand

MS = 1_000_000
FIRST, SECOND = ControlCommand(1, 0.1, 0.5), ControlCommand(2, 0.2, -0.5)


def orders(hold_s=0.03, period_s=0.01):
    return Orders(hold_s, period_s)


def test_before_any_command_the_car_is_told_that_there_is_none():
    assert orders().take(0) == Order(None, engage=False)


def test_a_command_is_said_once_and_then_waited_for_the_next():
    kept = orders()
    kept.put(FIRST, 0)
    assert kept.take(1 * MS) == Order(FIRST, engage=False)
    assert kept.take(13 * MS) is None
    assert kept.take(30 * MS) is None


def test_a_command_whose_successor_is_hardly_late_is_said_again():
    kept = orders()
    kept.put(FIRST, 1 * MS)
    assert kept.take(1 * MS).command is FIRST
    assert kept.take(11 * MS).command is FIRST, "the next one comes at 11.1 ms"
    kept.put(SECOND, 11 * MS + 1)
    assert kept.take(21 * MS).command is SECOND


def test_a_command_that_is_too_old_is_none_from_then_on():
    kept = orders()
    kept.put(FIRST, 0)
    kept.take(0)
    assert kept.take(31 * MS) == Order(None, engage=False)
    assert kept.take(500 * MS) == Order(None, engage=False)


def test_of_two_commands_the_newest_counts():
    kept = orders()
    kept.put(FIRST, 0)
    kept.put(SECOND, 1 * MS)
    assert kept.take(2 * MS) == Order(SECOND, engage=False)


def test_a_command_is_fresh_by_its_arrival_whatever_its_stamp():
    kept = orders()
    kept.put(FIRST, 10**18)
    assert kept.take(10**18 + 1).command is FIRST


def test_the_wish_for_the_car_goes_with_every_order_until_it_changes():
    kept = orders()
    kept.want(engage=True)
    kept.put(FIRST, 0)
    assert kept.take(0).engage
    assert kept.take(100 * MS) == Order(None, engage=True)
    kept.want(engage=False)
    assert not kept.take(200 * MS).engage


def test_a_command_that_is_back_is_followed_at_once():
    kept = orders()
    kept.put(FIRST, 0)
    kept.take(0)
    assert kept.take(90 * MS).command is None
    kept.put(SECOND, 91 * MS)
    assert kept.take(92 * MS).command is SECOND


def test_no_command_is_said_twice_however_two_threads_interleave():
    kept, said = orders(hold_s=10.0, period_s=0.0), []

    def hear():
        for number in range(2000):
            kept.put(ControlCommand(number, 0.0, 0.0), -1)

    thread = threading.Thread(target=hear)
    thread.start()
    while thread.is_alive():
        order = kept.take(0)
        if order is not None and order.command is not None:
            said.append(order.command.stamp_ns)
    thread.join()
    assert said == sorted(set(said))
