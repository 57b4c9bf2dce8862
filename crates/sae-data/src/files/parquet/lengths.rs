//! Lengths of byte strings as pages hold them: DELTA_BINARY_PACKED of the Parquet format.

/// Bytes of a number of 64 bits at most, seven bits each.
const MOST_BYTES: usize = 10;
/// Lengths of a part of a block, at least.
const LEAST_PART: u64 = 32;

/// How many lengths are announced at the start of `bytes`, and what lies behind them; nothing where they are damaged,
/// or more than `most`.
pub(super) fn lengths(bytes: &[u8], most: u64) -> Option<(u64, &[u8])> {
    let (block, rest) = number(bytes)?;
    let (parts, rest) = number(rest)?;
    let (count, rest) = number(rest)?;
    let (_first, mut rest) = number(rest)?;
    let part = block
        .checked_div(parts)
        .filter(|&part| part >= LEAST_PART)?;
    if count > most {
        return None;
    }
    let mut left = count.saturating_sub(1);
    while left > 0 {
        let (_least, behind) = number(rest)?;
        let (widths, behind) = behind.split_at_checked(usize::try_from(parts).ok()?)?;
        // Parts that nothing is left for have widths, and no bytes.
        let used = usize::try_from(left.div_ceil(part)).unwrap_or(usize::MAX);
        let mut widths = widths.iter().take(used);
        let bits = widths.try_fold(0u64, |bits, &width| {
            bits.checked_add(u64::from(width).checked_mul(part)?)
        })?;
        left = left.saturating_sub(part.saturating_mul(parts));
        rest = behind.get(usize::try_from(bits / 8).ok()?..)?;
    }
    Some((count, rest))
}

/// A number in pieces of seven bits, the lowest first, and what lies behind it.
fn number(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let mut value = 0;
    for (place, &byte) in bytes.iter().take(MOST_BYTES).enumerate() {
        value |= u64::from(byte & 0x7f) << (7 * place);
        if byte & 0x80 == 0 {
            return Some((value, &bytes[place + 1..]));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the format's description: 7 5 3 1 2 3 4 5 in a block of 128 with four parts, of which the first
    /// has deltas of two bits, the least being -2.
    #[test]
    fn the_example_of_the_format_is_understood() {
        let mut bytes = vec![0x80, 0x01, 0x04, 0x08, 0x0e, 0x03, 0x02, 0, 0, 0];
        bytes.extend([0u8; 8]);
        bytes.extend(b"behind");
        assert_eq!(lengths(&bytes, 8), Some((8, &b"behind"[..])));
        assert_eq!(lengths(&bytes, 7), None);
        for cut in 0..bytes.len() - 6 {
            assert_eq!(lengths(&bytes[..cut], 8), None, "{cut} bytes");
        }
        // One number needs no block.
        assert_eq!(
            lengths(&[0x80, 0x01, 0x04, 1, 6, 9], 1),
            Some((1, &[9][..]))
        );
        // Parts of nothing would have no end.
        assert_eq!(lengths(&[0, 4, 8, 0, 0], 8), None);
        assert_eq!(lengths(&[0x80, 0x01, 0, 8, 0, 0], 8), None);
    }
}
