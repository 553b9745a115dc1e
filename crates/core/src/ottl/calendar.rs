//! Days and years of an instant, in UTC.

use super::value::Instant;

const DAY_S: i64 = 86_400;

/// Year, month and day of an instant, by the Gregorian calendar, also before there was one.
pub(super) const fn date(instant: Instant) -> (i64, i64, i64) {
    // Years are counted from March on, so that the leap day is the last of its year; 719,468 days
    // lie between the first of March of year 0 and 1970. 400 years have 146,097 days.
    let days = instant.seconds.div_euclid(DAY_S) + 719_468;
    let (era, day) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day_of_year = day - (365 * year + year / 4 - year / 100);
    // Five months from March on, or from August on, have 153 days.
    let month = (5 * day_of_year + 2) / 153;
    let day_of_month = day_of_year - (153 * month + 2) / 5 + 1;
    let (month, next) = if month < 10 {
        (month + 3, 0)
    } else {
        (month - 9, 1)
    };
    (era * 400 + year + next, month, day_of_month)
}

/// Hour, minute and second of the day.
pub(super) const fn time_of_day(instant: Instant) -> (i64, i64, i64) {
    let second = instant.seconds.rem_euclid(DAY_S);
    (second / 3_600, second / 60 % 60, second % 60)
}

/// 0 is Sunday.
pub(super) const fn weekday(instant: Instant) -> i64 {
    // 1970 began with a Thursday.
    (instant.seconds.div_euclid(DAY_S) + 4).rem_euclid(7)
}

/// RFC 3339 with as many digits of the second as needed; `None`: the year has not four digits.
pub(super) fn rfc3339(instant: Instant) -> Option<String> {
    let (year, month, day) = date(instant);
    if !(0..=9_999).contains(&year) {
        return None;
    }
    let (hour, minute, second) = time_of_day(instant);
    let mut text = format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}");
    if instant.nanos != 0 {
        let fraction = format!(".{:09}", instant.nanos);
        text.push_str(fraction.trim_end_matches('0'));
    }
    text.push('Z');
    Some(text)
}
