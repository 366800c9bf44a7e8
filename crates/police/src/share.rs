//! How much of what all organizations share one of them may take.

/// One organization holds at most so many times what is free.
const TIMES: usize = 4;

/// Whether an organization that holds so much of something may take more of it, while so much is free: as long as it
/// holds less than four times that. Alone it gets four fifths, and of `n` that are as greedy each gets `4 / (4n + 1)`; what
/// is left is there for who comes. Nobody has to be counted for this.
///
/// A. K. Choudhury and E. L. Hahne, "Dynamic queue length thresholds for shared-memory packet switches", IEEE/ACM
/// Transactions on Networking 6 (1998).
pub const fn is_fair(held: usize, free: usize) -> bool {
    held < free.saturating_mul(TIMES)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What so many organizations hold of `most` when each takes all that it may.
    fn greedy(organizations: usize, most: usize) -> Vec<usize> {
        let mut held = vec![0; organizations];
        loop {
            let before = held.clone();
            for at in 0..organizations {
                let free = most - held.iter().sum::<usize>();
                held[at] += usize::from(free > 0 && is_fair(held[at], free));
            }
            if held == before {
                return held;
            }
        }
    }

    #[test]
    fn whoever_is_greedy_leaves_something_for_who_comes() {
        assert_eq!(greedy(1, 1_000), [800]);
        for organizations in 1..50 {
            let held = greedy(organizations, 1_000);
            assert!(held.iter().sum::<usize>() < 1_000, "{held:?}");
            let (least, most) = (held.iter().min(), held.iter().max());
            assert!(most.zip(least).is_some_and(|(most, least)| most - least <= 1), "{held:?}");
        }
    }

    #[test]
    fn of_very_little_the_first_gets_all() {
        for most in 1..5 {
            assert_eq!(greedy(1, most), [most]);
        }
        assert_eq!(greedy(1, 5), [4]);
    }
}
