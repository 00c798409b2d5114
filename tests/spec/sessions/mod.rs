mod admin_user_global_sign_out;
mod global_sign_out;
