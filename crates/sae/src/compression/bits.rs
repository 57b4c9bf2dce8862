//! Small numbers bit by bit.

/// Puts numbers below 2^`bits` behind each other, the lowest bit first; what is left of the last byte is 0.
pub(super) fn pack(levels: &[u8], bits: u32) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(packed_bytes(levels.len(), bits));
    let (mut waiting, mut count) = (0u32, 0);
    for &level in levels {
        waiting |= u32::from(level) << count;
        count += bits;
        while count >= 8 {
            bytes.push(waiting as u8);
            waiting >>= 8;
            count -= 8;
        }
    }
    if count > 0 {
        bytes.push(waiting as u8);
    }
    bytes
}

/// The `count` numbers that [`pack`] put into `bytes`; nothing where it would have given other bytes.
pub(super) fn unpack(bytes: &[u8], count: usize, bits: u32) -> Option<Vec<u8>> {
    if bytes.len() != packed_bytes(count, bits) {
        return None;
    }
    let mask = (1u32 << bits) - 1;
    let mut bytes = bytes.iter();
    let mut levels = Vec::with_capacity(count);
    let (mut waiting, mut held) = (0u32, 0);
    for _ in 0..count {
        if held < bits {
            waiting |= u32::from(*bytes.next()?) << held;
            held += 8;
        }
        levels.push((waiting & mask) as u8);
        waiting >>= bits;
        held -= bits;
    }
    (waiting == 0).then_some(levels)
}

/// Bytes that `count` numbers take.
pub(super) fn packed_bytes(count: usize, bits: u32) -> usize {
    (count * bits as usize).div_ceil(8)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 1, 2, 3, 4, 5, 6, 7, 0 of three bits each, from the right: 000 111 110 101 100 011 010 001, which
    /// is 00011111 01011000 11010001.
    #[test]
    fn three_bits_by_hand() {
        let levels = [1, 2, 3, 4, 5, 6, 7, 0];
        let bytes = [0b1101_0001, 0b0101_1000, 0b0001_1111];
        assert_eq!(pack(&levels, 3), bytes);
        assert_eq!(unpack(&bytes, 8, 3).unwrap(), levels);
    }

    #[test]
    fn every_width_comes_back() {
        for bits in 1..=8 {
            for count in 0..40 {
                let level = |i: usize| (i * 37 % 256) as u8 & ((1u32 << bits) - 1) as u8;
                let levels: Vec<u8> = (0..count).map(level).collect();
                let bytes = pack(&levels, bits);
                assert_eq!(bytes.len(), packed_bytes(count, bits));
                assert_eq!(unpack(&bytes, count, bits).unwrap(), levels, "{bits} bits");
            }
        }
    }

    #[test]
    fn other_bytes_are_refused() {
        assert_eq!(unpack(&[0b0000_1000], 1, 3), None);
        assert_eq!(unpack(&[0, 0], 1, 3), None);
        assert_eq!(unpack(&[], 1, 3), None);
    }
}
