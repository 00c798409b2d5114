//! Values that must not be seen: zeroed when dropped, without `Debug`, compared in constant time, and read through one word
//! that one can search for.

use zeroize::Zeroize;

/// A secret value.
#[derive(Clone, Default)]
pub struct Secret<T: Zeroize>(T);

impl<T: Zeroize> Secret<T> {
    pub fn new(value: T) -> Self {
        Secret(value)
    }

    /// The value itself: each use of this word is worth a reviewer's look.
    pub fn expose(&self) -> &T {
        &self.0
    }
}

impl<T: Zeroize + AsRef<[u8]>> Secret<T> {
    /// Whether both are the same, in a time that depends on nothing but the length.
    pub fn equals(&self, other: &[u8]) -> bool {
        same(self.0.as_ref(), other)
    }
}

impl<T: Zeroize> Drop for Secret<T> {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl<T: Zeroize> std::fmt::Debug for Secret<T> {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("<secret>")
    }
}

/// Whether two byte strings are the same, in a time that depends on nothing but their lengths.
pub fn same(a: &[u8], b: &[u8]) -> bool {
    aws_lc_rs::constant_time::verify_slices_are_equal(a, b).is_ok()
}
