"""Reading what a server tells Prometheus."""

import re
from collections import namedtuple

from http_client import get

ADDRESS = "127.0.0.1:9477"

_SAMPLE = re.compile(r"(\w+)(?:\{(.*)\})? (\S+)$")
_LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"(?:,|$)')


class Scrape(namedtuple("Scrape", ["text", "samples"])):
    """`samples`: {(name, frozenset of (label, value)): number}."""

    def value(self, name, **labels):
        return self.samples[name, frozenset((key, str(of)) for key, of in labels.items())]

    def sum(self, name, **labels):
        """Over all series of the name that have these labels."""
        wanted = {(key, str(of)) for key, of in labels.items()}
        found = [value for (of, has), value in self.samples.items()
                 if of == name and wanted <= has]
        assert found, f"no {name} with {labels}"
        return sum(found)

    def names(self):
        """Of series: a histogram has three."""
        return {name for name, _ in self.samples}


def parse(text):
    samples = {}
    for line in text.splitlines():
        if line.startswith("#"):
            continue
        name, labels, value = _SAMPLE.match(line).groups()
        pairs = _LABEL.findall(labels or "")
        key = (name, frozenset(pairs))
        assert key not in samples, f"twice: {line}"
        samples[key] = float(value)
    return Scrape(text, samples)


def scrape(place):
    answer = get(place.namespace, ADDRESS, "/metrics")
    assert answer.status == 200, answer
    return parse(answer.text)
