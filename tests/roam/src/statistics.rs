//! Percentiles of what was measured.

/// Of values in order; `q` from 0 to 1. There is at least one.
pub fn percentile(sorted: &[f64], q: f64) -> f64 {
    sorted[((sorted.len() as f64 * q) as usize).min(sorted.len() - 1)]
}

/// `p50 12.3  p99 ...  max ...` of values in one unit.
pub fn percentiles(values: &mut [f64]) -> String {
    if values.is_empty() {
        return "no sample".into();
    }
    values.sort_by(f64::total_cmp);
    let p = |q: f64| percentile(values, q);
    format!("p50 {:.0}  p99 {:.0}  max {:.0}  (n {})", p(0.5), p(0.99), p(1.0), values.len())
}
