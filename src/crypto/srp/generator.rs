//! g^x for a secret x: the one base that is always the same, so what can be known of it is worked out beforehand.
//!
//! The 256 bits of x are six rows of 43 (a comb, after Lim and Lee). Of each column of six bits the power is in a table,
//! and from one column to the next there is a squaring: 43 multiplications and 43 squarings where an arbitrary base needs
//! some 330 of both. Each step reads the whole table and multiplies, so neither time nor memory shows x.

use std::sync::LazyLock;

use crypto_bigint::{CtAssign as _, CtEq as _, U3072};

use super::{EXPONENT_BYTES, Element};
use crate::crypto::secret::Secret;

/// g.
const GENERATOR: Element = Element::new(&U3072::from_u8(2));

const BITS: usize = 8 * EXPONENT_BYTES;
const ROWS: usize = 6;
const COLUMNS: usize = BITS.div_ceil(ROWS);

/// The powers of g for every column of bits.
static POWERS: LazyLock<[Element; 1 << ROWS]> = LazyLock::new(|| {
    let mut powers = [Element::ONE; 1 << ROWS];
    let mut of_row = GENERATOR;
    for row in 0..ROWS {
        // What has this row's bit is what has it not, times the power of that bit.
        for column in 1 << row..2 << row {
            powers[column] = powers[column - (1 << row)] * of_row;
        }
        of_row = of_row.square_repeat_vartime(u32::try_from(COLUMNS).unwrap_or(u32::MAX));
    }
    powers
});

/// g^x. The exponent is big-endian.
pub fn power(exponent: &Secret<[u8; EXPONENT_BYTES]>) -> Secret<Element> {
    // The last row is longer than what is left of x.
    let bit = |at: usize| if at < BITS { exponent.expose()[EXPONENT_BYTES - 1 - at / 8] >> (at % 8) & 1 } else { 0 };
    let mut result = Secret::new(Element::ONE);
    for at in (0..COLUMNS).rev() {
        let column = (0..ROWS).fold(0, |column, row| column | bit(row * COLUMNS + at) << row);
        result = Secret::new(result.expose().square() * power_of(column).expose());
    }
    result
}

/// What stands in the table for a column, found without going to its place.
fn power_of(wanted: u8) -> Secret<Element> {
    let mut found = Element::ONE;
    for (column, power) in (0_u8..).zip(&*POWERS) {
        found.ct_assign(power, column.ct_eq(&wanted));
    }
    Secret::new(found)
}

#[cfg(test)]
mod tests {
    use crypto_bigint::U256;
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(16))]

        #[test]
        fn it_is_what_the_library_makes_of_it(exponent: [u8; EXPONENT_BYTES]) {
            let expected = GENERATOR.pow(&U256::from_be_slice(&exponent));
            prop_assert_eq!(*power(&Secret::new(exponent)).expose(), expected);
        }
    }

    #[test]
    fn so_it_is_at_the_ends_and_with_one_bit() {
        let with_bit = |at: usize| {
            let mut exponent = [0; EXPONENT_BYTES];
            exponent[EXPONENT_BYTES - 1 - at / 8] = 1 << (at % 8);
            exponent
        };
        let single = [0, 1, 63, 64, 127, 128, 191, 192, 255].map(with_bit);
        for exponent in single.into_iter().chain([[0; EXPONENT_BYTES], [0xFF; EXPONENT_BYTES]]) {
            let expected = GENERATOR.pow(&U256::from_be_slice(&exponent));
            assert_eq!(*power(&Secret::new(exponent)).expose(), expected, "{exponent:?}");
        }
    }
}
