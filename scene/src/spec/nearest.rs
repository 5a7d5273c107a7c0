//! What was meant by a misspelt name.

/// Longer names are not looked at.
const NAME_BYTES_MAX: usize = 63;

/// The known name with the fewest edits from `name`, if few enough to be what was meant.
pub(super) fn nearest<'n>(name: &str, known: &'n [String]) -> Option<&'n str> {
    if NAME_BYTES_MAX < name.len() {
        return None;
    }
    let limit = (name.chars().count() / 3).max(1);
    known
        .iter()
        .map(|k| (edit_distance(&name.to_lowercase(), k), k.as_str()))
        .filter(|(distance, _)| *distance <= limit)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, k)| k)
}

/// Characters to insert, delete or replace (Wagner and Fischer, J. ACM 21, 1974), one row at a time.
fn edit_distance(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.chars().count()).collect();
    for (i, ca) in a.chars().enumerate() {
        let mut diagonal = i;
        let mut left = i.saturating_add(1);
        let mut next = Vec::with_capacity(row.len());
        next.push(left);
        for (cb, &above) in b.chars().zip(row.iter().skip(1)) {
            let replace = diagonal.saturating_add(usize::from(ca != cb));
            left = replace
                .min(left.saturating_add(1))
                .min(above.saturating_add(1));
            next.push(left);
            diagonal = above;
        }
        row = next;
    }
    row.last().copied().unwrap_or(0)
}
