mod admin_confirm_sign_up;
mod confirm_sign_up;
mod resend_confirmation_code;
#[expect(clippy::module_inception, reason = "the area is named after its best-known operation")]
mod sign_up;
mod without_password;
