mod admin_reset_user_password;
mod admin_set_user_password;
mod attempts;
mod change_password;
mod code_abuse;
mod confirm_forgot_password;
mod forgot_password;
mod srp_verifiers;

use std::time::Duration;

use cognate::api::{self, delivery_medium, recovery_option_name, user_status, verified_attribute};

use crate::support::fixtures::{TestClient, attribute, hide_users};
use crate::support::{Refusal, World, refusal};

const HOUR: Duration = Duration::from_secs(60 * 60);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);
const MILLISECOND: Duration = Duration::from_millis(1);

/// A password that Cognito's default policy takes, and that nobody has yet.
const NEW_PASSWORD: &str = "N3w-passw0rd";

/// What breaks the default policy, and why.
const BREACHES: [(&str, &str); 5] = [
    ("Sh0rt!", "Password not long enough"),
    ("passw0rd!", "Password must have uppercase characters"),
    ("PASSW0RD!", "Password must have lowercase characters"),
    ("Password!", "Password must have numeric characters"),
    ("Passw0rdd", "Password must have symbol characters"),
];

fn breach(reason: &str) -> Refusal {
    refusal("InvalidPasswordException", &format!("Password does not conform to policy: {reason}"))
}

fn not_authorized(message: &str) -> Refusal {
    refusal("NotAuthorizedException", message)
}

fn incorrect() -> Refusal {
    not_authorized("Incorrect username or password.")
}

fn mismatch() -> Refusal {
    refusal("CodeMismatchException", "Invalid verification code provided, please try again.")
}

fn expired() -> Refusal {
    refusal("ExpiredCodeException", "Invalid code provided, please request a code again.")
}

fn too_often() -> Refusal {
    refusal("LimitExceededException", "Attempt limit exceeded, please try after some time.")
}

fn unknown() -> Refusal {
    refusal("UserNotFoundException", "Username/client id combination not found.")
}

fn no_address() -> Refusal {
    let message = "Cannot reset password for the user as there is no registered/verified email or phone_number";
    refusal("InvalidParameterException", message)
}

fn reset_required() -> Refusal {
    refusal("PasswordResetRequiredException", "Password reset required for the user")
}

fn by_mail(destination: &str) -> api::CodeDeliveryDetails {
    api::CodeDeliveryDetails {
        destination: Some(destination.to_owned()),
        delivery_medium: Some(delivery_medium::Value::Email.into()),
        attribute_name: Some("email".to_owned()),
    }
}

fn by_text_message(destination: &str) -> api::CodeDeliveryDetails {
    api::CodeDeliveryDetails {
        destination: Some(destination.to_owned()),
        delivery_medium: Some(delivery_medium::Value::Sms.into()),
        attribute_name: Some("phone_number".to_owned()),
    }
}

/// A code that is another one than this.
fn other_than(code: &str) -> String {
    let last = if code.ends_with('0') { '1' } else { '0' };
    format!("{}{last}", &code[..code.len() - 1])
}

/// A client of the pool that hides who exists.
async fn hiding(world: &World, pool: &str) -> TestClient {
    world.client(pool, hide_users).await
}

/// A pool whose users recover by these means, the best first.
fn recovers_by(names: &[recovery_option_name::Value]) -> impl FnOnce(&mut api::CreateUserPoolRequest) {
    let ranked = (1..).zip(names.iter().map(|name| i32::from(*name)));
    let options = ranked.map(|(rank, name)| api::RecoveryOption { priority: Some(rank), name: Some(name) });
    let setting = api::AccountRecoverySetting { recovery_mechanisms: options.collect() };
    move |request| request.account_recovery_setting = Some(setting)
}

/// A confirmed user with both an e-mail address and a phone number, both verified.
async fn reachable_both_ways(world: &World, client: &TestClient, username: &str) {
    let both = vec![attribute("email", "alice@example.com"), attribute("phone_number", "+15555559934")];
    let request = api::SignUpRequest { user_attributes: both, ..world.sign_up_request(client, username) };
    world.call(request).await.unwrap();
    world.confirm_by_operator(&client.pool, username).await;
    let verified = [("email_verified", "true"), ("phone_number_verified", "true")];
    world.update_attributes(&client.pool, username, &verified).await.unwrap();
}

fn verifies(attributes: &[verified_attribute::Value]) -> impl FnOnce(&mut api::CreateUserPoolRequest) {
    let attributes = attributes.iter().map(|attribute| i32::from(*attribute)).collect();
    move |request| request.auto_verified_attributes = attributes
}

async fn status_of(world: &World, pool: &str, username: &str) -> user_status::Value {
    world.admin_get_user(pool, username).await.unwrap().user_status()
}

/// Has a code sent for a forgotten password. Gives the code.
async fn forgotten(world: &World, client: &TestClient, username: &str) -> String {
    world.advance(MILLISECOND);
    world.forgot(client, username).await.unwrap();
    world.code_for(username).await
}
