//! The date, for chat templates that ask for one.

use std::time::{SystemTime, UNIX_EPOCH};

use azulejo::Now;

/// The time now, in UTC.
pub(crate) fn now() -> Now {
    let secs = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_secs());
    at(secs)
}

/// The date of so many seconds since 1970 (Howard Hinnant's algorithm, "chrono-compatible low-level date algorithms").
fn at(secs: u64) -> Now {
    let (days, second_of_day) = (secs / 86_400, secs % 86_400);
    let days = days + 719_468;
    let era = days / 146_097;
    let day_of_era = days % 146_097;
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    Now {
        year: (year_of_era + era * 400 + u64::from(month <= 2)) as i32,
        month: month as u8,
        day: (day_of_year - (153 * shifted_month + 2) / 5 + 1) as u8,
        hour: (second_of_day / 3600) as u8,
        minute: (second_of_day / 60 % 60) as u8,
        second: (second_of_day % 60) as u8,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clock_dates_are_right() {
        let date = |secs| {
            let n = at(secs);
            (n.year, n.month, n.day, n.hour, n.minute, n.second)
        };
        assert_eq!(date(0), (1970, 1, 1, 0, 0, 0));
        assert_eq!(date(951_782_399), (2000, 2, 28, 23, 59, 59));
        assert_eq!(date(951_782_400), (2000, 2, 29, 0, 0, 0));
        assert_eq!(date(1_767_225_599), (2025, 12, 31, 23, 59, 59));
    }
}
