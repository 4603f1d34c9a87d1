//! Writes JSON text, compact as the origin's. Not what is written.

/// Text being written.
#[derive(Default)]
pub(crate) struct Writer {
    text: String,
}

impl Writer {
    /// What was written.
    pub(crate) fn into_text(self) -> String {
        self.text
    }

    /// Writes what is JSON already.
    pub(crate) fn raw(&mut self, json: &str) -> &mut Self {
        self.text.push_str(json);
        self
    }

    /// A comma, where something stands before.
    fn separate(&mut self) {
        if !matches!(self.text.as_bytes().last(), None | Some(b'{' | b'[' | b':')) {
            self.text.push(',');
        }
    }

    /// The name of a member. What comes next is its value.
    pub(crate) fn name(&mut self, name: &str) -> &mut Self {
        self.separate();
        self.raw("\"").raw(name).raw("\":")
    }

    /// An item, or the value of a member, that is JSON already.
    pub(crate) fn value(&mut self, json: &str) -> &mut Self {
        self.separate();
        self.raw(json)
    }

    /// Begins an object.
    pub(crate) fn begin(&mut self, bracket: char) -> &mut Self {
        self.separate();
        self.text.push(bracket);
        self
    }

    /// Ends it.
    pub(crate) fn end(&mut self, bracket: char) -> &mut Self {
        self.text.push(bracket);
        self
    }

    /// A string.
    pub(crate) fn string(&mut self, said: &str) -> &mut Self {
        self.separate();
        self.text.push('"');
        let mut rest = said;
        while let Some(at) = rest.find(|letter: char| letter < ' ' || letter == '"' || letter == '\\') {
            let (plain, special) = rest.split_at(at);
            self.text.push_str(plain);
            let letter = special.as_bytes().first().copied().unwrap_or_default();
            match letter {
                b'"' | b'\\' => {
                    self.text.push('\\');
                    self.text.push(char::from(letter));
                }
                control => {
                    self.text.push_str("\\u00");
                    self.text.push(if control > 15 { '1' } else { '0' });
                    self.text.push(char::from_digit((control & 15).into(), 16).unwrap_or('0'));
                }
            }
            rest = special.get(1..).unwrap_or_default();
        }
        self.text.push_str(rest);
        self.text.push('"');
        self
    }

    /// A whole number.
    pub(crate) fn integer(&mut self, number: i64) -> &mut Self {
        self.separate();
        push_integer(&mut self.text, number);
        self
    }

    /// `sum / count` as the shortest number that reads back as the same double, as the origin and JavaScript write it, without the
    /// machinery for all doubles. `count` is not 0, the quotient below 1,000.
    pub(crate) fn quotient(&mut self, sum: u64, count: u64) -> &mut Self {
        let (mut digits, mut scale) = shortest_quotient(sum, count);
        if scale == 0 {
            // A double is written with a point.
            (digits, scale) = (digits * 10, 1);
        }
        let power = 10_u128.pow(scale);
        let digits = u128::from(digits);
        self.unsigned(u64::try_from(digits / power).unwrap_or(0));
        self.text.push('.');
        let fraction = digits % power;
        for place in (0..scale).rev() {
            let digit = fraction / 10_u128.pow(place) % 10;
            self.text.push(char::from(b'0' + u8::try_from(digit).unwrap_or(0)));
        }
        self
    }

    /// A whole number that is not negative.
    pub(crate) fn unsigned(&mut self, number: u64) -> &mut Self {
        self.integer(i64::try_from(number).unwrap_or(i64::MAX))
    }
}

/// Appends a whole number in decimal digits.
pub(crate) fn push_integer(text: &mut String, number: i64) {
    let mut digits = [0_u8; 20];
    let mut rest = number.unsigned_abs();
    let mut length = 0;
    for place in digits.iter_mut().rev() {
        *place = b'0' + u8::try_from(rest % 10).unwrap_or(0);
        length += 1;
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    if number < 0 {
        text.push('-');
    }
    text.extend(digits.iter().skip(20 - length).map(|digit| char::from(*digit)));
}

/// Digits and how many of them stand behind the point.
#[expect(clippy::cast_precision_loss, reason = "sums of scores stay far below 2^53")]
fn shortest_quotient(sum: u64, count: u64) -> (u64, u32) {
    let double = sum as f64 / count as f64;
    let bits = double.to_bits();
    let exponent = i64::try_from(bits >> 52).unwrap_or(0) - 1_075;
    let mantissa = u128::from(bits & ((1 << 52) - 1) | (1 << 52));
    // double = mantissa / 2^shift; a decimal within half a unit of the mantissa reads back as it.
    let shift = u32::try_from(-exponent).unwrap_or(0).min(80);
    for scale in 0..22_u32 {
        let power = 10_u128.pow(scale);
        let exact = mantissa * power;
        let digits = (exact + (1 << shift >> 1)) >> shift;
        let (there, here) = (digits << shift, exact);
        if there.abs_diff(here) * 2 <= power {
            return (u64::try_from(digits).unwrap_or(u64::MAX), scale);
        }
    }
    (sum / count.max(1), 0)
}
