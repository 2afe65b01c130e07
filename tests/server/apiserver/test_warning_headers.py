"""Warnings reach clients as headers, which do not grow without end."""

from minik.server.apiserver.warning_headers import headers


def test_warnings_are_quoted_and_told_once() -> None:
    assert list(headers(['say "x"\\', "a\nb", 'say "x"\\'])) == ['299 - "say \\"x\\"\\\\"', '299 - "a b"']


def test_long_warnings_stay_whole_while_there_is_room() -> None:
    assert list(headers(["x" * 4000])) == [f'299 - "{"x" * 4000}"']


def test_too_many_are_cut_and_the_last_left_out() -> None:
    many = [f"{number:03}" + "x" * 997 for number in range(40)]
    sent = list(headers(many))
    assert len(sent) == 16
    assert all(len(each) == len('299 - ""') + 256 for each in sent)
