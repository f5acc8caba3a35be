"""Jobs for tests of runners."""


def count(data):
    return sum(1 for _ in range(data["value"]))
