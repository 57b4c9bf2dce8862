//! The values of a unit within a block, and their levels.

/// From the least to the largest value, both finite.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Range {
    pub low: f32,
    pub high: f32,
}

impl Range {
    /// Of values, at least one of them, all finite.
    pub fn of(values: impl Iterator<Item = f32>) -> Self {
        let none = Self {
            low: f32::INFINITY,
            high: f32::NEG_INFINITY,
        };
        values.fold(none, |range, value| Self {
            low: range.low.min(value),
            high: range.high.max(value),
        })
    }

    /// Whether there are levels to tell apart.
    pub fn varies(self) -> bool {
        self.low < self.high
    }

    /// Whether it can be the range of finite values.
    pub fn is_sound(self) -> bool {
        self.low.is_finite() && self.high.is_finite() && self.low <= self.high
    }

    /// The distance of neighbouring levels.
    pub fn step(self, bits: u32) -> f64 {
        (f64::from(self.high) - f64::from(self.low)) / f64::from((1u32 << bits) - 1)
    }

    /// The level next to a value of the range, which varies.
    pub fn level(self, value: f32, bits: u32) -> u8 {
        ((f64::from(value) - f64::from(self.low)) / self.step(bits)).round() as u8
    }

    /// The value of a level.
    pub fn value(self, level: u8, bits: u32) -> f32 {
        (f64::from(self.low) + f64::from(level) * self.step(bits)) as f32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_bits_by_hand() {
        let range = Range::of([-1.0, 0.25, 2.0].into_iter());
        assert_eq!(
            range,
            Range {
                low: -1.0,
                high: 2.0
            }
        );
        assert_eq!(range.step(2), 1.0);
        let levels = [-1.0, -0.6, 0.25, 0.75, 2.0].map(|value| range.level(value, 2));
        assert_eq!(levels, [0, 0, 1, 2, 3]);
        assert_eq!(
            [0, 1, 2, 3].map(|level| range.value(level, 2)),
            [-1.0, 0.0, 1.0, 2.0]
        );
    }

    #[test]
    fn the_largest_range_has_levels() {
        let range = Range {
            low: f32::MIN,
            high: f32::MAX,
        };
        assert_eq!(
            (range.level(f32::MIN, 8), range.level(f32::MAX, 8)),
            (0, 255)
        );
        assert_eq!(
            (range.value(0, 8), range.value(255, 8)),
            (f32::MIN, f32::MAX)
        );
        let smallest = Range {
            low: 0.0,
            high: f32::from_bits(1),
        };
        assert_eq!(smallest.level(f32::from_bits(1), 8), 255);
    }
}
