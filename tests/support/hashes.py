"""Hashes of the contract, in plain Python: XXH3-128 for short inputs and Kafka's murmur2."""

_M64 = (1 << 64) - 1
_P32_2 = 0x85EBCA77
_P64_1 = 0x9E3779B185EBCA87
_P64_2 = 0xC2B2AE3D27D4EB4F
_P64_4 = 0x85EBCA77C2B2AE63
# The default secret of XXH3, as the specification of xxHash prints it.
_SECRET = bytes.fromhex(
    "b8fe6c3923a44bbe7c01812cf721ad1cded46de9839097db7240a4a4b7b3671f"
    "cb79e64eccc0e578825ad07dccff7221b8084674f743248ee03590e6813a264c"
    "3c2852bb91c300cb88d0658b1b532ea371644897a20df94e3819ef46a9deacd8"
    "a8fa763fe39c343ff9dcbbc7c70b4f1d8a51e04bcdb45931c89f7ec9d9787364"
    "eac5ac8334d3ebc3c581a0fffa1363eb170ddd51b7f0da49d316552629d4689e"
    "2b16be587d47a1fc8ff8b8d17ad031ce45cb3a8f95160428afd7fbcabb4b407e"
)


def _u64(data: bytes, at: int) -> int:
    return int.from_bytes(data[at : at + 8], "little")


def _avalanche(h: int) -> int:
    h ^= h >> 37
    h = (h * 0x165667919E3779F9) & _M64
    return h ^ (h >> 32)


def _mix16(data: bytes, at: int, secret: int, seed: int) -> int:
    product = (_u64(data, at) ^ ((_u64(_SECRET, secret) + seed) & _M64)) * (
        _u64(data, at + 8) ^ ((_u64(_SECRET, secret + 8) - seed) & _M64)
    )
    return (product & _M64) ^ (product >> 64)


def _mix32(low: int, high: int, data: bytes, a: int, b: int, secret: int, seed: int = 0):
    low = (low + _mix16(data, a, secret, seed)) & _M64
    low ^= (_u64(data, b) + _u64(data, b + 8)) & _M64
    high = (high + _mix16(data, b, secret + 16, seed)) & _M64
    high ^= (_u64(data, a) + _u64(data, a + 8)) & _M64
    return low, high


def _xxh3_128_9to16(data: bytes) -> int:
    size = len(data)
    flip_low = _u64(_SECRET, 32) ^ _u64(_SECRET, 40)
    flip_high = _u64(_SECRET, 48) ^ _u64(_SECRET, 56)
    first, last = _u64(data, 0), _u64(data, size - 8)
    product = (first ^ last ^ flip_low) * _P64_1
    low, high = product & _M64, product >> 64
    low = (low + ((size - 1) << 54)) & _M64
    last ^= flip_high
    high = (high + last + (last & 0xFFFFFFFF) * (_P32_2 - 1)) & _M64
    low ^= int.from_bytes(high.to_bytes(8, "little"), "big")
    product = low * _P64_2
    high = ((product >> 64) + high * _P64_2) & _M64
    return (_avalanche(high) << 64) | _avalanche(product & _M64)


def xxh3_128(data: bytes) -> int:
    """XXH3-128, seed 0, for inputs of 9 to 240 bytes, as one integer (its high 64 bits first)."""
    size = len(data)
    if 9 <= size <= 16:
        return _xxh3_128_9to16(data)
    if not 17 <= size <= 240:
        raise ValueError(f"xxh3_128 here covers 9 to 240 bytes, not {size}")
    low, high = (size * _P64_1) & _M64, 0
    if size <= 128:
        for step in range((size - 1) // 32, -1, -1):
            low, high = _mix32(low, high, data, 16 * step, size - 16 * (step + 1), 32 * step)
    else:
        for step in range(4):
            low, high = _mix32(low, high, data, 32 * step, 32 * step + 16, 32 * step)
        low, high = _avalanche(low), _avalanche(high)
        for step in range(4, size // 32):
            low, high = _mix32(low, high, data, 32 * step, 32 * step + 16, 3 + 32 * (step - 4))
        low, high = _mix32(low, high, data, size - 16, size - 32, 136 - 17 - 16)
    out_low = _avalanche((low + high) & _M64)
    out_high = (-_avalanche((low * _P64_1 + high * _P64_4 + size * _P64_2) & _M64)) & _M64
    return (out_high << 64) | out_low


def short_hash(data: bytes) -> str:
    """First 16 hex digits of the canonical XXH3-128."""
    return f"{xxh3_128(data):032x}"[:16]


def murmur2(data: bytes) -> int:
    """Kafka's murmur2 (seed 0x9747b28c), unsigned."""
    m, mask, size = 0x5BD1E995, 0xFFFFFFFF, len(data)
    h = 0x9747B28C ^ size
    for at in range(0, size - size % 4, 4):
        k = (int.from_bytes(data[at : at + 4], "little") * m) & mask
        k = ((k ^ (k >> 24)) * m) & mask
        h = ((h * m) & mask) ^ k
    tail = data[size - size % 4 :]
    if tail:
        h = ((h ^ int.from_bytes(tail, "little")) * m) & mask
    h = ((h ^ (h >> 13)) * m) & mask
    return h ^ (h >> 15)


def partition_of(key: bytes, partitions: int) -> int:
    return (murmur2(key) & 0x7FFFFFFF) % partitions
