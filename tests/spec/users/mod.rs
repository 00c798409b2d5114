mod admin_get_user;
