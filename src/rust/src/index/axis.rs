//! What an index selects along one axis.

/// What is selected along one axis, 0-based.
#[derive(Debug, Clone, PartialEq)]
pub enum Axis {
    /// Everything.
    All,
    /// `from`, `from + step`, .. below `to`.
    Range {
        /// First position.
        from: i32,
        /// One past the last.
        to: i32,
        /// Distance, at least 1.
        step: i32,
    },
    /// These positions.
    At(Vec<i32>),
}

impl Axis {
    /// How many positions.
    pub fn count(&self, extent: i32) -> i32 {
        match self {
            Axis::All => extent,
            Axis::Range { from, to, step } => (to - from + step - 1).div_euclid(*step).max(0),
            Axis::At(positions) => positions.len() as i32,
        }
    }

    /// The positions themselves.
    pub fn positions(&self, extent: i32) -> Vec<i32> {
        match self {
            Axis::All => (0..extent).collect(),
            Axis::Range { from, to, step } => (*from..*to).step_by(*step as usize).collect(),
            Axis::At(positions) => positions.clone(),
        }
    }

    /// The cheapest form of a list of positions: a range if they are equally spaced.
    pub fn of(positions: Vec<i32>, extent: i32) -> Axis {
        let n = positions.len();
        if n == 0 {
            return Axis::Range {
                from: 0,
                to: 0,
                step: 1,
            };
        }
        let step = if n == 1 {
            1
        } else {
            positions[1] - positions[0]
        };
        // MLX computes to - from + step in 32 bits
        let fits = i64::from(positions[n - 1]) + i64::from(step) < i64::from(i32::MAX);
        if step < 1 || !fits || positions.windows(2).any(|w| w[1] - w[0] != step) {
            return Axis::At(positions);
        }
        if step == 1 && n as i32 == extent {
            return Axis::All;
        }
        Axis::Range {
            from: positions[0],
            to: positions[n - 1] + 1,
            step,
        }
    }

    /// Whether a position comes twice.
    pub fn repeats(&self, extent: i32) -> bool {
        let Axis::At(positions) = self else {
            return false;
        };
        repeated(positions, extent as usize)
    }
}

/// Whether one of some positions below `extent` comes twice.
pub fn repeated(positions: &[i32], extent: usize) -> bool {
    if positions.windows(2).all(|w| w[0] < w[1]) {
        return false; // they rise, as those of a mask do
    }
    let mut seen = vec![false; extent];
    positions
        .iter()
        .any(|&p| std::mem::replace(&mut seen[p as usize], true))
}
