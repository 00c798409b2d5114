//! What each operation does to a user in each status (reference 3.9): one table.
//!
//! A row says what the operation answers and the status that it leaves; a new operation is a variant of [`Operation`] and a
//! row, a new status a variant of [`Status`] and a column.

use cognate::api::auth_flow::Value as AuthFlow;
use cognate::api::message_action::Value as MessageAction;
use cognate::api::{self, delivery_medium, user_status};

use crate::spec;
use crate::support::fixtures::{
    PASSWORD, TEMPORARY_PASSWORD, TestClient, WRONG_PASSWORD, admin_initiate_auth, initiate_auth,
};
use crate::support::{Refusal, World, refusal};

/// In the order of the table's columns.
const STATUSES: [Status; 4] =
    [Status::Unconfirmed, Status::Confirmed, Status::ForceChangePassword, Status::ResetRequired];

#[derive(Clone, Copy, Debug)]
enum Status {
    Unconfirmed,
    Confirmed,
    ForceChangePassword,
    ResetRequired,
}

impl Status {
    fn name(self) -> &'static str {
        match self {
            Status::Unconfirmed => "UNCONFIRMED",
            Status::Confirmed => "CONFIRMED",
            Status::ForceChangePassword => "FORCE_CHANGE_PASSWORD",
            Status::ResetRequired => "RESET_REQUIRED",
        }
    }

    /// Makes a user in this status. Gives the password.
    async fn make(self, world: &World, client: &TestClient, username: &str) -> &'static str {
        match self {
            Status::Unconfirmed => {
                world.sign_up(client, username).await;
                PASSWORD
            }
            Status::Confirmed => {
                world.confirmed_user(client, username).await;
                PASSWORD
            }
            Status::ForceChangePassword => {
                world.create_user(&client.pool, username, |_| {}).await.unwrap();
                TEMPORARY_PASSWORD
            }
            Status::ResetRequired => {
                world.confirmed_user(client, username).await;
                world.reset_password(&client.pool, username).await.unwrap();
                PASSWORD
            }
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operation {
    ConfirmSignUp,
    AdminConfirmSignUp,
    ResendConfirmationCode,
    SignIn,
    SignInWithWrongPassword,
    SignInByChoice,
    AdminSignIn,
    ForgotPassword,
    ConfirmForgotPassword,
    AdminResetPassword,
    SetPermanentPassword,
    SetTemporaryPassword,
    InviteAgain,
    UpdateAttributes,
    SignOutEverywhere,
    DisableAndEnable,
}

/// What a cell of the table says.
#[derive(Clone, Copy, Debug)]
enum Cell {
    /// It is done and leaves the user in this status.
    To(&'static str),
    /// It answers this, and the status stays.
    Says(&'static str),
    /// It is refused with this exception and message, `STATUS` standing for the user's, and the status stays.
    Refused(&'static str, &'static str),
}

use Cell::{Refused, Says, To};

const CANNOT_BE_CONFIRMED: Cell =
    Refused("NotAuthorizedException", "User cannot be confirmed. Current status is STATUS");
const ALREADY_CONFIRMED: Cell = Refused("InvalidParameterException", "User is already confirmed.");
const NOT_CONFIRMED: Cell = Refused("UserNotConfirmedException", "User is not confirmed.");
const INCORRECT: Cell = Refused("NotAuthorizedException", "Incorrect username or password.");
const RESET_REQUIRED: Cell = Refused("PasswordResetRequiredException", "Password reset required for the user");
const CANNOT_BE_RESET: Cell = Refused("NotAuthorizedException", "User password cannot be reset in the current state.");
const NO_ADDRESS: Cell = Refused(
    "InvalidParameterException",
    "Cannot reset password for the user as there is no registered/verified email or phone_number",
);
const NO_CODE: Cell = Refused("ExpiredCodeException", "Invalid code provided, please request a code again.");
const NO_RESEND: Cell =
    Refused("UnsupportedUserStateException", "Resend not possible. alice status is not FORCE_CHANGE_PASSWORD");

const TABLE: [(Operation, [Cell; STATUSES.len()]); 16] = [
    // UNCONFIRMED, CONFIRMED, FORCE_CHANGE_PASSWORD, RESET_REQUIRED
    (Operation::ConfirmSignUp, [To("CONFIRMED"), CANNOT_BE_CONFIRMED, CANNOT_BE_CONFIRMED, CANNOT_BE_CONFIRMED]),
    (Operation::AdminConfirmSignUp, [To("CONFIRMED"), CANNOT_BE_CONFIRMED, CANNOT_BE_CONFIRMED, CANNOT_BE_CONFIRMED]),
    (Operation::ResendConfirmationCode, [Says("sent"), ALREADY_CONFIRMED, ALREADY_CONFIRMED, ALREADY_CONFIRMED]),
    (Operation::SignIn, [NOT_CONFIRMED, Says("tokens"), Says("NEW_PASSWORD_REQUIRED"), RESET_REQUIRED]),
    (Operation::SignInWithWrongPassword, [NOT_CONFIRMED, INCORRECT, INCORRECT, RESET_REQUIRED]),
    (Operation::SignInByChoice, [NOT_CONFIRMED, Says("SELECT_CHALLENGE"), Says("SELECT_CHALLENGE"), RESET_REQUIRED]),
    (Operation::AdminSignIn, [NOT_CONFIRMED, Says("tokens"), Says("NEW_PASSWORD_REQUIRED"), RESET_REQUIRED]),
    (Operation::ForgotPassword, [NO_ADDRESS, Says("sent"), CANNOT_BE_RESET, Says("sent")]),
    (Operation::ConfirmForgotPassword, [NO_CODE, To("CONFIRMED"), NO_CODE, To("CONFIRMED")]),
    (Operation::AdminResetPassword, [CANNOT_BE_RESET, To("RESET_REQUIRED"), CANNOT_BE_RESET, To("RESET_REQUIRED")]),
    (Operation::SetPermanentPassword, [To("CONFIRMED"); STATUSES.len()]),
    (Operation::SetTemporaryPassword, [To("FORCE_CHANGE_PASSWORD"); STATUSES.len()]),
    (Operation::InviteAgain, [NO_RESEND, NO_RESEND, Says("sent"), NO_RESEND]),
    (Operation::UpdateAttributes, [Says("done"); STATUSES.len()]),
    (Operation::SignOutEverywhere, [Says("done"); STATUSES.len()]),
    (Operation::DisableAndEnable, [Says("done"); STATUSES.len()]),
];

impl Operation {
    /// Whether a disabled user is refused it: signing in, and whatever would bring a password for that.
    fn needs_enabled(self) -> bool {
        use Operation::{AdminResetPassword, AdminSignIn, ConfirmForgotPassword, ForgotPassword};
        use Operation::{SignIn, SignInByChoice, SignInWithWrongPassword};
        let signs_in = matches!(self, SignIn | SignInWithWrongPassword | SignInByChoice | AdminSignIn);
        signs_in || matches!(self, ForgotPassword | ConfirmForgotPassword | AdminResetPassword)
    }

    /// Does it to alice, whose password this is. Gives what was answered.
    async fn done(self, world: &World, client: &TestClient, password: &str) -> Result<String, Refusal> {
        let (pool, name) = (client.pool.as_str(), "alice");
        let by_password = |password: &str| vec![("USERNAME", name.to_owned()), ("PASSWORD", password.to_owned())];
        let done = "done".to_owned();
        match self {
            Operation::ConfirmSignUp => {
                // Whoever did not sign up was sent no code.
                let mail = world.mail().await;
                let code = mail.iter().rfind(|message| message.username == name && message.purpose == "sign_up");
                let code = code.map_or("123456", |message| &message.code);
                world.confirm(client, name, code).await.map(|_| done)
            }
            Operation::AdminConfirmSignUp => {
                let (user_pool_id, username) = (Some(pool.to_owned()), Some(name.to_owned()));
                let request = api::AdminConfirmSignUpRequest { user_pool_id, username, ..Default::default() };
                world.call(request).await.map(|_| done)
            }
            Operation::ResendConfirmationCode => world.resend(client, name).await.map(|_| "sent".to_owned()),
            Operation::SignIn | Operation::SignInWithWrongPassword => {
                let password = if self == Operation::SignIn { password } else { WRONG_PASSWORD };
                let reply = world.call(client.password_request(name, password)).await?;
                Ok(said(reply.challenge_name.map(|_| reply.challenge_name())))
            }
            Operation::SignInByChoice => {
                let request = initiate_auth(client, AuthFlow::UserAuth, [("USERNAME", name.to_owned())]);
                let reply = world.call(request).await?;
                Ok(said(reply.challenge_name.map(|_| reply.challenge_name())))
            }
            Operation::AdminSignIn => {
                let request = admin_initiate_auth(client, AuthFlow::AdminUserPasswordAuth, by_password(password));
                let reply = world.call(request).await?;
                Ok(said(reply.challenge_name.map(|_| reply.challenge_name())))
            }
            Operation::ForgotPassword => world.forgot(client, name).await.map(|_| "sent".to_owned()),
            Operation::ConfirmForgotPassword => {
                let code = match world.forgot(client, name).await {
                    Ok(_) => world.code_for(name).await,
                    Err(_) => "123456".to_owned(),
                };
                world.confirm_forgot(client, name, &code, PASSWORD).await.map(|()| done)
            }
            Operation::AdminResetPassword => world.reset_password(pool, name).await.map(|()| done),
            Operation::SetPermanentPassword => world.set_password(pool, name, PASSWORD).await.map(|()| done),
            Operation::SetTemporaryPassword => {
                world.set_temporary_password(pool, name, TEMPORARY_PASSWORD).await.map(|()| done)
            }
            Operation::InviteAgain => {
                let again = |request: &mut api::AdminCreateUserRequest| {
                    request.message_action = Some(MessageAction::Resend.into());
                    request.desired_delivery_mediums = vec![delivery_medium::Value::Email.into()];
                };
                world.create_user(pool, name, again).await.map(|_| "sent".to_owned())
            }
            Operation::UpdateAttributes => {
                world.update_attributes(pool, name, &[("nickname", "Al")]).await.map(|()| done)
            }
            Operation::SignOutEverywhere => {
                let (user_pool_id, username) = (Some(pool.to_owned()), Some(name.to_owned()));
                world.call(api::AdminUserGlobalSignOutRequest { user_pool_id, username }).await.map(|_| done)
            }
            Operation::DisableAndEnable => {
                let is_enabled = world.admin_get_user(pool, name).await?.enabled();
                world.disable(pool, name).await;
                if is_enabled {
                    world.enable(pool, name).await;
                }
                Ok(done)
            }
        }
    }
}

/// What a sign-in led to.
fn said(challenge: Option<api::challenge_name::Value>) -> String {
    challenge.map_or_else(|| "tokens".to_owned(), |challenge| challenge.as_str_name().to_owned())
}

/// Goes through the whole table, each cell with a user of its own.
async fn holds(world: &World, is_enabled: bool) {
    for (operation, cells) in TABLE {
        for (status, cell) in STATUSES.into_iter().zip(cells) {
            let client = world.app_client().await;
            let password = status.make(world, &client, "alice").await;
            if !is_enabled {
                world.disable(&client.pool, "alice").await;
            }
            let cell = match operation.needs_enabled() && !is_enabled {
                true => Refused("NotAuthorizedException", "User is disabled."),
                false => cell,
            };
            let (answer, status_after) = match cell {
                To(after) => (Ok("done".to_owned()), after),
                Says(answer) => (Ok(answer.to_owned()), status.name()),
                Refused(exception, message) => {
                    (Err(refusal(exception, &message.replace("STATUS", status.name()))), status.name())
                }
            };
            let case = format!("{operation:?} of {status:?}, enabled: {is_enabled}");
            assert_eq!(operation.done(world, &client, password).await, answer, "{case}");
            let after = world.admin_get_user(&client.pool, "alice").await.unwrap();
            let name = user_status::Value::as_str_name(&after.user_status());
            assert_eq!((name, after.enabled()), (status_after, is_enabled), "{case}");
        }
    }
}

spec! {
    async fn each_operation_does_to_each_status_what_the_table_says(world: World) {
        holds(&world, true).await;
    }
}

spec! {
    async fn a_disabled_user_is_refused_every_sign_in_and_what_leads_to_one(world: World) {
        holds(&world, false).await;
    }
}
