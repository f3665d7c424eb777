#!/usr/bin/python3
"""The AVX-512 IFMA kernel on emulated instructions: x25519_bochs_test.py BOCHS ROM

Results are compared here, with RFC 7748's and those of its pseudocode in Python; the program in ROM
knows none.
"""

import itertools
import json
import os
import pathlib
import random
import struct
import sys
import unittest

sys.dont_write_bytecode = True
import bochs  # noqa: E402

REQUESTS_ADDRESS = 0x200000
END, MULTIPLY_ADD, LADDERS, ITERATIONS = range(4)
WITH_IFMA = 'corei7_icelake_u'
WITHOUT_IFMA = 'corei7_skylake_x'  # AVX-512 F, BW, DQ and VL
INVALID_OPCODE = 'exception 06'
LIMIT_S = 120
LANES = 8  # of a vector
LADDER_STEPS = 251
INSTRUCTIONS_A_STEP_MAX = 1000  # with its share of all that is not a step

P = 2**255 - 19


def clamp(scalar):
    return scalar & ~7 & ~(1 << 255) | 1 << 254


def x25519(scalar, point):
    """RFC 7748, section 5."""
    k, u = clamp(scalar), (point & ((1 << 255) - 1)) % P
    x2, z2, x3, z3, swapped = 1, 0, u, 1, 0
    for position in range(254, -1, -1):
        bit = k >> position & 1
        if swapped != bit:
            x2, z2, x3, z3 = x3, z3, x2, z2
        swapped = bit
        a, b, c, d = x2 + z2, x2 - z2, x3 + z3, x3 - z3
        aa, bb, da, cb = a * a % P, b * b % P, d * a % P, c * b % P
        e = aa - bb
        x3, z3 = (da + cb) ** 2 % P, u * (da - cb) ** 2 % P
        x2, z2 = aa * bb % P, e * (aa + 121665 * e) % P
    if swapped:
        x2, z2 = x3, z3
    return x2 * pow(z2, P - 2, P) % P


def integer(text):
    return int.from_bytes(bytes.fromhex(text), 'little')


# Scalar, point, result: RFC 7748, sections 5.2 and 6.1.
BASE = 9
ALICE = integer('77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a')
ALICE_PUBLIC = integer('8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a')
BOB = integer('5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb')
BOB_PUBLIC = integer('de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f')
SHARED = integer('4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742')
RFC7748 = (
    (integer('a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4'),
     integer('e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c'),
     integer('c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552')),
    (integer('4b66e9d4d1b4673c5ad22691957d6af5c11b6421e0ea01d42ca4169e7918ba0d'),
     integer('e5210f12786811d3f4b7959d0538ae2c31dbe7106fc03c3efc4cd549c715a493'),
     integer('95cbde9476e8907d7aade45cb4b873f88b595a68799fa152e6f8f7647aac7957')),
    (ALICE, BASE, ALICE_PUBLIC),
    (BOB, BASE, BOB_PUBLIC),
    (ALICE, BOB_PUBLIC, SHARED),
    (BOB, ALICE_PUBLIC, SHARED),
)

ORDER_8 = (
    integer('e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800'),
    integer('5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157'),
)
SMALL_ORDER = (0, 1, P - 1, *ORDER_8, P, P + 1)
TOP_BIT = 1 << 255
EDGES = (*SMALL_ORDER, *(point | TOP_BIT for point in SMALL_ORDER), P - 2, P + 2, TOP_BIT - 1,
         2 * TOP_BIT - 1, 2, 9 | TOP_BIT, sum(1 << 51 * i for i in range(5)),
         sum(((1 << 51) - 1) << 51 * i for i in (0, 2, 4)))


class MultiplyAdd:
    """One vpmadd52luq and one vpmadd52huq of eight lanes."""

    def __init__(self, a, b, low, high):
        self.operands = (a, b, low, high)

    def encoded(self):
        words = [word for operand in self.operands for word in operand]
        return struct.pack('<2Q32Q', MULTIPLY_ADD, 1, *words)

    def expected(self):
        low, high = [], []
        for a, b, low_sum, high_sum in zip(*self.operands):
            product = a % 2**52 * (b % 2**52)
            low.append((low_sum + product % 2**52) % 2**64)
            high.append((high_sum + (product >> 52)) % 2**64)
        return [f'vpmadd52 {struct.pack("<8Q", *low).hex()} {struct.pack("<8Q", *high).hex()}']


class Ladders:
    """A call of the kernel. Lanes are (scalar, point, result)."""

    def __init__(self, lanes):
        self.lanes = list(lanes)

    def encoded(self):
        scalars = [clamp(scalar) for scalar, _, _ in self.lanes]
        points = [point for _, point, _ in self.lanes]
        return struct.pack('<2Q', LADDERS, len(self.lanes)) + b''.join(
            number.to_bytes(32, 'little') for number in scalars + points)

    def expected(self):
        return [f'x25519 {result.to_bytes(32, "little").hex()}' for _, _, result in self.lanes]


class Iterations:
    """RFC 7748, section 5.2."""

    def __init__(self, count, result):
        self.count, self.result = count, result

    def encoded(self):
        return struct.pack('<2Q', ITERATIONS, self.count)

    def expected(self):
        return [f'x25519 {self.result}']


def run(requests, cpu=WITH_IFMA):
    """What the program prints for the requests, which is what they expect() if it is right; and how
    many instructions the kernel took in each call."""
    encoded = [request.encoded() for request in requests]
    lines, counts = [], []
    while encoded:
        memory, end = b'', struct.pack('<2Q', END, 0)
        while encoded and len(memory) + len(encoded[0]) + len(end) <= bochs.MEMORY_MAX:
            memory += encoded.pop(0)
        for line in bochs.run(BOCHS, ROM, memory + end, REQUESTS_ADDRESS, cpu, LIMIT_S):
            what, _, value = line.partition(' ')
            if what == 'instructions':
                counts.append(int(value, 16))
            else:
                lines.append(line)
    return lines, counts


class Lanes:
    """Random ones, the same in every run."""

    def __init__(self, seed):
        self._random = random.Random(seed)

    def lane(self, point=None):
        scalar = self._random.getrandbits(256)
        point = self._random.getrandbits(256) if point is None else point
        return scalar, point, x25519(scalar, point)

    def around(self, lane, position, n):
        """`lane` at `position` of n, each third of the others of small order."""
        return [lane if i == position else
                self.lane(SMALL_ORDER[i % len(SMALL_ORDER)] if i % 3 == 2 else None)
                for i in range(n)]


def vpmadd52_requests():
    """Extremes; bits 52 to 63 of the factors, which count for nothing; sums beyond 64 bits."""
    extremes = (0, 1, 2**51 - 1, 2**51, 2**52 - 1, 2**52, 2**63, 2**64 - 1)
    for shift in range(len(extremes)):
        turned = extremes[shift:] + extremes[:shift]
        yield MultiplyAdd(extremes, turned, turned, extremes)
    generator = random.Random(52)
    for _ in range(20):
        yield MultiplyAdd(*([generator.getrandbits(64) for _ in range(8)] for _ in range(4)))


def wycheproof():
    """(scalar, point, result) of each case, or None if the file is not there."""
    folder = (os.environ.get('PSSST_PUBLIC_VECTORS')
              or os.environ.get('PSSST_PUBLIC_VECTORS_DEFAULT', '.'))
    path = pathlib.Path(folder) / 'x25519_test.json'
    if not path.exists():
        return None
    return [tuple(integer(case[name]) for name in ('private', 'public', 'shared'))
            for group in json.loads(path.read_text('utf-8'))['testGroups']
            for case in group['tests']]


class KernelTest(unittest.TestCase):
    def expect(self, *requests):
        got, _ = run(requests)
        expected = [line for one in requests for line in one.expected()]
        wrong = [pair for pair in itertools.zip_longest(got, expected) if pair[0] != pair[1]]
        self.assertEqual(wrong[:2], [])

    def test_vpmadd52(self):
        self.expect(*vpmadd52_requests())

    def test_rfc7748(self):
        lanes = Lanes(1)
        for scalar, point, result in RFC7748:
            self.assertEqual(x25519(scalar, point), result)
        self.expect(*(Ladders(lanes.around(vector, position, n))
                      for vector in RFC7748
                      for n, position in ((1, 0), (7, 6), (8, 0), (8, 7), (9, 8), (16, 11))))

    def test_rfc7748_iterations(self):
        self.expect(
            Iterations(1, '422c8e7a6227d7bca1350b3e2bb7279f7897b87bb6854b783c60e80311ae3079'),
            Iterations(1000, '684cf59ba83309552800ef566f2f4d3c1c3887c49360e3875f2eb94d99532c51'))

    def test_edges(self):
        lanes = Lanes(2)
        self.expect(Ladders(lanes.lane(point) for point in EDGES))

    def test_wycheproof_in_every_lane(self):
        """Eight neighbours in the file at a time."""
        cases = wycheproof()
        if cases is None:
            self.skipTest('no x25519_test.json; name its folder in PSSST_PUBLIC_VECTORS')
        self.assertEqual(len(cases), 518)
        self.expect(*(Ladders((cases + cases)[first:first + LANES])
                      for first in range(len(cases))))

    def test_a_full_burst(self):
        lanes = Lanes(3)
        self.expect(Ladders(lanes.lane() for _ in range(64)))

    def test_as_many_instructions_whatever_the_input(self):
        lanes = Lanes(7)
        for n in (1, LANES, LANES + 1):
            inputs = [[lanes.lane(point) for _ in range(n)] for point in (None, None, *EDGES)]
            inputs.append([(scalar, BASE, None) for scalar in (0, 2**256 - 1) * n][:n])
            _, counts = run(map(Ladders, inputs))
            self.assertEqual(len(counts), len(inputs))
            self.assertEqual(set(counts), {counts[0]})
            if n == LANES:
                a_step = counts[0] / LADDER_STEPS
                print(f'{counts[0]} instructions a vector: {a_step:.0f} a ladder step')
                self.assertLessEqual(a_step, INSTRUCTIONS_A_STEP_MAX)

    def test_a_wrong_expectation_is_seen(self):
        """One bit of one lane's result."""
        lanes = Lanes(4)
        right = [lanes.lane() for _ in range(LANES + 1)]
        self.expect(Ladders(right))
        for position in (0, LANES - 1, LANES):
            scalar, point, result = right[position]
            wrong = Ladders(right)
            wrong.lanes[position] = (scalar, point, result ^ 1 << 99)
            with self.assertRaises(self.failureException):
                self.expect(wrong)

    def test_a_wrong_input_is_seen(self):
        """One bit of one lane's scalar or point: that lane alone has another result."""
        lanes = Lanes(5)
        right = [lanes.lane() for _ in range(2 * LANES)]
        changes = [(position, bits) for position in (0, LANES - 1, LANES, 2 * LANES - 1)
                   for bits in ((1 << 3, 0), (1 << 253, 0), (0, 1), (0, 1 << 254))]
        requests = []
        for position, (scalar_bit, point_bit) in changes:
            scalar, point, result = right[position]
            requests.append(Ladders(right))
            requests[-1].lanes[position] = (scalar ^ scalar_bit, point ^ point_bit, result)
        got, _ = run(requests)
        self.assertEqual(len(got), len(changes) * len(right))
        expected = Ladders(right).expected()
        for position, _ in changes:
            results, got = got[:len(right)], got[len(right):]
            self.assertEqual([i for i in range(len(right)) if results[i] != expected[i]],
                             [position])

    def test_a_cpu_without_the_instructions_is_seen(self):
        for request in (next(vpmadd52_requests()), Ladders([Lanes(6).lane()])):
            with self.assertRaisesRegex(bochs.BochsError, INVALID_OPCODE):
                run([request], WITHOUT_IFMA)


if __name__ == '__main__':
    ROM, BOCHS = sys.argv.pop(), sys.argv.pop()
    unittest.main()
