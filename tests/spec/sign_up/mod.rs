mod admin_confirm_sign_up;
