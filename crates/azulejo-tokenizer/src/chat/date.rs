//! Dates for `strftime_now`.

use minijinja::{Error, ErrorKind};

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
const DAYS: [&str; 7] = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];

/// A moment in the reader's own time, in the Gregorian calendar.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Now {
    /// Such as 2026.
    pub year: i32,
    /// 1 to 12.
    pub month: u8,
    /// 1 to 31.
    pub day: u8,
    /// 0 to 23.
    pub hour: u8,
    /// 0 to 59.
    pub minute: u8,
    /// 0 to 60.
    pub second: u8,
}

impl Now {
    /// The directives of C's `strftime`, with English names, that need no time zone.
    pub(super) fn strftime(self, format: &str) -> Result<String, Error> {
        let mut out = String::new();
        let mut chars = format.chars();
        while let Some(c) = chars.next() {
            if c != '%' {
                out.push(c);
                continue;
            }
            let mut directive = chars.next();
            // glibc's flag for "no padding".
            let unpadded = directive == Some('-');
            if unpadded {
                directive = chars.next();
            }
            let text = self.directive(directive, format)?;
            let zeros = if text.len() > 1 { text.trim_start_matches('0') } else { text.as_str() };
            out.push_str(match (unpadded, zeros) {
                (true, "") => "0",
                (true, zeros) => zeros,
                (false, _) => &text,
            });
        }
        Ok(out)
    }

    fn directive(self, directive: Option<char>, format: &str) -> Result<String, Error> {
        let month = MONTHS.get(usize::from(self.month).wrapping_sub(1)).copied().unwrap_or("?");
        let day = DAYS[self.weekday()];
        let hour12 = match self.hour % 12 {
            0 => 12,
            hour => hour,
        };
        let Self { year, month: m, day: d, hour, minute, second } = self;
        Ok(match directive {
            Some('Y') => format!("{year}"),
            Some('y') => format!("{:02}", year.rem_euclid(100)),
            Some('m') => format!("{m:02}"),
            Some('B') => month.to_owned(),
            Some('b' | 'h') => month.chars().take(3).collect(),
            Some('d') => format!("{d:02}"),
            Some('e') => format!("{d:2}"),
            Some('j') => format!("{:03}", self.day_of_year()),
            Some('A') => day.to_owned(),
            Some('a') => day.chars().take(3).collect(),
            Some('w') => format!("{}", self.weekday()),
            Some('H') => format!("{hour:02}"),
            Some('I') => format!("{hour12:02}"),
            Some('M') => format!("{minute:02}"),
            Some('S') => format!("{second:02}"),
            Some('p') => if hour < 12 { "AM" } else { "PM" }.to_owned(),
            Some('F') => format!("{year}-{m:02}-{d:02}"),
            Some('T') => format!("{hour:02}:{minute:02}:{second:02}"),
            Some('%') => "%".to_owned(),
            // The time has no zone: Python prints nothing either.
            Some('z' | 'Z') => String::new(),
            _ => {
                let detail = format!("strftime_now: {format:?} has a directive that is not supported");
                return Err(Error::new(ErrorKind::InvalidOperation, detail));
            }
        })
    }

    /// Days from Sunday, by Sakamoto's method.
    fn weekday(self) -> usize {
        const OFFSETS: [i64; 12] = [0, 3, 2, 5, 0, 3, 5, 1, 4, 6, 2, 4];
        let year = i64::from(self.year) - i64::from(self.month < 3);
        let offset = OFFSETS.get(usize::from(self.month).wrapping_sub(1)).copied().unwrap_or(0);
        let leaps = year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
        usize::try_from((year + leaps + offset + i64::from(self.day)).rem_euclid(7)).unwrap_or(0)
    }

    fn day_of_year(self) -> u32 {
        const BEFORE: [u32; 12] = [0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334];
        let leap = self.year % 4 == 0 && (self.year % 100 != 0 || self.year % 400 == 0);
        let before = BEFORE.get(usize::from(self.month).wrapping_sub(1)).copied().unwrap_or(0);
        before + u32::from(self.day) + u32::from(leap && self.month > 2)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strftime_knows_weekdays_and_padding() {
        let now = Now { year: 2026, month: 11, day: 1, hour: 0, minute: 5, second: 9 };
        assert_eq!(
            now.strftime("%A, %-d %B %Y (%j) %I:%M %p 100%%").unwrap(),
            "Sunday, 1 November 2026 (305) 12:05 AM 100%"
        );
        let leap = Now { year: 2024, month: 2, day: 29, hour: 13, minute: 0, second: 0 };
        assert_eq!(leap.strftime("%a %d %b %y %-M").unwrap(), "Thu 29 Feb 24 0");
        assert!(leap.strftime("%Q").is_err());
        assert!(leap.strftime("%").is_err());
    }

    #[test]
    fn strftime_bad_dates_do_not_panic() {
        for year in [i32::MIN, -1, 0, i32::MAX] {
            for (month, day) in [(0, 0), (13, 255), (255, 31)] {
                let now = Now { year, month, day, hour: 255, minute: 255, second: 255 };
                now.strftime("%A %B %j %I %p %-d %F %T").unwrap();
            }
        }
    }
}
