//! Percentiles of what was measured.

/// `p50 12.3  p99 ...  max ...` of values in one unit.
pub fn percentiles(values: &mut [f64]) -> String {
    if values.is_empty() {
        return "no sample".into();
    }
    values.sort_by(f64::total_cmp);
    let p = |q: f64| values[((values.len() as f64 * q) as usize).min(values.len() - 1)];
    format!("p50 {:.0}  p99 {:.0}  max {:.0}  (n {})", p(0.5), p(0.99), p(1.0), values.len())
}
