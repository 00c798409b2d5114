//! Why an operation did not happen.
//!
//! One vocabulary for both wires. `Display` is what the caller may read: Cognito's exact sentence. What only the operator
//! may read (the cause inside [`Error::Internal`]) has no way into an answer; it is logged once, with the request id.

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

/// Why an operation did not happen. Variants are in alphabetical order.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// `explicit` says that a statement denies it, rather than that none allows it.
    #[error("User: {principal} is not authorized to perform: {action} on resource: {resource}{}", denial(.action, *.explicit))]
    AccessDenied { principal: String, action: String, resource: String, explicit: bool },
    #[error("Access Token has expired")]
    AccessTokenExpired,
    #[error("Access Token does not have required scopes")]
    AccessTokenLacksScope,
    #[error("Access Token has been revoked")]
    AccessTokenRevoked,
    #[error("Could not verify signature for Access Token")]
    AccessTokenSignature,
    #[error("An account with the {0} already exists.")]
    AliasExists(&'static str),
    /// Of a pool whose AccountRecoverySetting is `admin_only`.
    #[error("Contact administrator to reset password.")]
    AdminResetsPasswords,
    #[error("Attempt limit exceeded, please try after some time.")]
    AttemptLimitExceeded,
    #[error("Cannot modify an already provided {0}")]
    AttributeAlreadyProvided(String),
    #[error("A client attempted to write unauthorized attribute")]
    AttributeNotWritable,
    #[error("Cannot resend codes. Auto verification not turned on.")]
    AutoVerificationOff,
    #[error("Client secret {0} does not exist.")]
    ClientSecretDoesNotExist(String),
    /// Of a request that carries the secret itself.
    #[error("Unable to verify secret for client {0}")]
    ClientSecretMismatch(String),
    /// A code cannot be sent to where it would have to go.
    #[error("{0}")]
    CodeDeliveryFailure(&'static str),
    #[error("Invalid verification code provided, please try again.")]
    CodeMismatch,
    /// Another request changed what this one had read; `App::call` runs the operation again before a caller sees it.
    #[error("Rate exceeded")]
    Conflict,
    #[error("{}", constraint_sentence(.0))]
    Constraints(Vec<Violation>),
    #[error("Device does not exist.")]
    DeviceDoesNotExist,
    #[error("The device key is in use already.")]
    DeviceKeyExists,
    #[error("The user pool does not track devices.")]
    DevicesNotTracked,
    #[error("Invalid code provided, please request a code again.")]
    ExpiredCode,
    /// What [`Error::AliasExists`] says, as Cognito words it to users who change their own attributes.
    #[error("An account with the given {0} already exists.")]
    GivenAliasExists(&'static str),
    #[error("A group with the name already exists.")]
    GroupExists,
    #[error("Group not found.")]
    GroupNotFound,
    #[error("{0}")]
    IncompleteSignature(String),
    #[error("Incorrect username or password.")]
    IncorrectUsernameOrPassword,
    #[error("Internal error.")]
    Internal(#[source] Cause),
    #[error("Invalid Access Token")]
    InvalidAccessToken,
    /// A new password of a user who exists; that of a sign-up is an [`Error::InvalidPassword`].
    #[error("Password does not conform to policy: {0}")]
    InvalidNewPassword(&'static str),
    #[error("{0}")]
    InvalidParameter(Cow<'static, str>),
    #[error("Password did not conform with policy: {0}")]
    InvalidPassword(&'static str),
    #[error("Invalid Refresh Token")]
    InvalidRefreshToken,
    /// Of a sign-in, where a code was sent for it.
    #[error("Invalid code or auth state for the user.")]
    InvalidCode,
    #[error("Invalid session for the user.")]
    InvalidSession,
    #[error("{0}")]
    InvalidSignature(Cow<'static, str>),
    #[error("{0}")]
    LimitExceeded(&'static str),
    #[error("Missing Authentication Token")]
    MissingAuthenticationToken,
    #[error("Missing required parameter {0}")]
    MissingParameter(&'static str),
    /// A member or value that Cognito has and this server does not honour yet: refused by name, never silently kept.
    #[error("{0} is not supported by this server.")]
    NotHonoured(Cow<'static, str>),
    /// A passkey that is being made: none, or not any more, or its answer is to something else.
    #[error("The challenge of the passkey has expired or was never given; begin the registration anew.")]
    PasskeyChallengeNotFound,
    #[error("The registration of the passkey began through another client.")]
    PasskeyClientMismatch,
    #[error("The user pool has no relying party for passkeys.")]
    PasskeyConfigurationMissing,
    #[error("Passkey does not exist.")]
    PasskeyDoesNotExist,
    /// A new passkey that does not serve here.
    #[error("The passkey is not supported: {0}.")]
    PasskeyNotSupported(String),
    #[error("The page that made the passkey may not make any for the relying party of the user pool.")]
    PasskeyOriginNotAllowed,
    /// Of a sign-in, whatever was wrong.
    #[error("The passkey was not accepted.")]
    PasskeyRefused,
    #[error("The passkey is for another relying party than that of the user pool.")]
    PasskeyRelyingPartyMismatch,
    #[error("WEB_AUTHN is not among the AllowedFirstAuthFactors of the user pool.")]
    PasskeysNotEnabled,
    #[error("Password attempts exceeded")]
    PasswordAttemptsExceeded,
    #[error("User password cannot be reset in the current state.")]
    PasswordCannotBeReset,
    #[error("Password reset required for the user")]
    PasswordResetRequired,
    /// A limit on how often somebody may call, and how long it is until they may again.
    #[error("Rate exceeded")]
    RateExceeded(Duration),
    #[error("Refresh Token has expired")]
    RefreshTokenExpired,
    /// A refresh token in whose place another was given, once its grace time is over.
    #[error("Refresh Token has been used already")]
    RefreshTokenReused,
    #[error("Refresh Token has been revoked")]
    RefreshTokenRevoked,
    #[error("The request is larger than this server takes.")]
    RequestTooLarge,
    /// Names the user as the caller did.
    #[error("Resend not possible. {0} status is not FORCE_CHANGE_PASSWORD")]
    ResendNotPossible(String),
    #[error("Client {0} is configured with secret but SECRET_HASH was not received")]
    SecretHashMissing(String),
    #[error("Unable to verify secret hash for client {0}")]
    SecretHashMismatch(String),
    #[error("SecretHash does not match for the client: {0}")]
    SecretHashMismatchOnRefresh(String),
    #[error("Invalid session for the user, session is expired.")]
    SessionExpired,
    #[error("Invalid session for the user, session can only be used once.")]
    SessionUsed,
    /// A signature counts once. An SDK signs anew when it tries again, so an equal call within the same second heals.
    #[error("The signature has been used already; sign the request anew.")]
    SignatureUsed,
    #[error("SignUp is not permitted for this user pool")]
    SignUpNotPermitted,
    /// Of a sign-in, as its second factor.
    #[error("Invalid code received for user")]
    SoftwareTokenCodeMismatch,
    #[error("Your software token has already been used once.")]
    SoftwareTokenCodeUsed,
    #[error("Software Token MFA has not been enabled by the userPool")]
    SoftwareTokenMfaOff,
    /// Of the first code of a new software token.
    #[error("Code mismatch and fail enable Software Token MFA")]
    SoftwareTokenSetUpMismatch,
    /// The disk is nearly full. Reading goes on; writing does when there is room again.
    #[error("The server has no room to store this.")]
    StorageFull,
    #[error("Temporary password has expired and must be reset by an administrator.")]
    TemporaryPasswordExpired,
    #[error("The request timed out.")]
    TimedOut,
    #[error("A user can have no more than 20 passkeys.")]
    TooManyPasskeys,
    #[error("Rate exceeded")]
    TooManyRequests,
    /// What a trigger's function answers is not what it was asked for, as Cognito words it.
    #[error("{0}")]
    TriggerAnswerUnusable(Cow<'static, str>),
    /// A trigger's function could not be asked, or did not answer.
    #[error("{trigger} invocation failed due to error {cause}.")]
    TriggerNotInvoked { trigger: &'static str, cause: String },
    /// A trigger's function has failed, or refuses, in words of its own.
    #[error("{trigger} failed with error {message}.")]
    TriggerThrew { trigger: &'static str, message: String },
    #[error("Unauthorized")]
    Unauthorized,
    #[error("The security token included in the request is invalid.")]
    UnrecognizedClient,
    #[error("Token revocation is not enabled for this client.")]
    UnsupportedOperation,
    #[error("Only refresh tokens can be revoked.")]
    UnsupportedTokenType,
    #[error("User cannot be confirmed. Current status is {0}")]
    UserCannotBeConfirmed(&'static str),
    #[error("User does not exist.")]
    UserDoesNotExist,
    #[error("User is disabled.")]
    UserIsDisabled,
    #[error("User is not confirmed.")]
    UserIsNotConfirmed,
    #[error("Username/client id combination not found.")]
    UsernameClientCombinationNotFound,
    #[error("{0}")]
    UsernameExists(&'static str),
    #[error("User pool client {0} does not exist.")]
    UserPoolClientDoesNotExist(String),
    #[error("User pool {0} does not exist.")]
    UserPoolDoesNotExist(String),
}

/// Why IAM denies (reference 2.3).
fn denial(action: &str, explicit: bool) -> String {
    match explicit {
        true => " with an explicit deny in an identity-based policy".to_owned(),
        false => format!(" because no identity-based policy allows the {action} action"),
    }
}

/// What went wrong inside, for the operator's log alone.
pub type Cause = Box<dyn std::error::Error + Send + Sync>;

impl Error {
    /// A failure of ours, with its cause for the log.
    pub fn internal(cause: impl Into<Cause>) -> Self {
        Error::Internal(cause.into())
    }

    /// Cognito's `InvalidParameterException` with free text.
    pub fn invalid_parameter(message: impl Into<Cow<'static, str>>) -> Self {
        Error::InvalidParameter(message.into())
    }

    /// Whether a trigger is the reason.
    pub fn is_of_trigger(&self) -> bool {
        matches!(self, Error::TriggerAnswerUnusable(_) | Error::TriggerNotInvoked { .. } | Error::TriggerThrew { .. })
    }

    /// Cognito's name for this error.
    pub fn exception(&self) -> Exception {
        use Error::*;
        match self {
            AccessDenied { .. } => Exception::AccessDenied,
            AliasExists(_) | GivenAliasExists(_) => Exception::AliasExists,
            AttemptLimitExceeded | LimitExceeded(_) | TooManyPasskeys => Exception::LimitExceeded,
            CodeDeliveryFailure(_) => Exception::CodeDeliveryFailure,
            CodeMismatch | InvalidCode | SoftwareTokenCodeMismatch => Exception::CodeMismatch,
            DeviceKeyExists => Exception::DeviceKeyExists,
            DevicesNotTracked => Exception::InvalidUserPoolConfiguration,
            ExpiredCode | SoftwareTokenCodeUsed => Exception::ExpiredCode,
            GroupExists => Exception::GroupExists,
            IncompleteSignature(_) => Exception::IncompleteSignature,
            Internal(_) | StorageFull | TimedOut => Exception::InternalError,
            Constraints(_) | InvalidParameter(_) | MissingParameter(_) | NotHonoured(_) | RequestTooLarge => {
                Exception::InvalidParameter
            }
            InvalidNewPassword(_) | InvalidPassword(_) => Exception::InvalidPassword,
            InvalidSignature(_) | SignatureUsed => Exception::InvalidSignature,
            MissingAuthenticationToken => Exception::MissingAuthenticationToken,
            AccessTokenExpired
            | AccessTokenLacksScope
            | AccessTokenRevoked
            | AccessTokenSignature
            | AdminResetsPasswords
            | AttributeAlreadyProvided(_)
            | AttributeNotWritable
            | AutoVerificationOff
            | ClientSecretMismatch(_)
            | IncorrectUsernameOrPassword
            | InvalidAccessToken
            | InvalidRefreshToken
            | InvalidSession
            | PasskeyRefused
            | PasswordAttemptsExceeded
            | PasswordCannotBeReset
            | RefreshTokenExpired
            | RefreshTokenRevoked
            | SecretHashMissing(_)
            | SecretHashMismatch(_)
            | SecretHashMismatchOnRefresh(_)
            | SessionExpired
            | SessionUsed
            | SignUpNotPermitted
            | TemporaryPasswordExpired
            | UserCannotBeConfirmed(_)
            | UserIsDisabled => Exception::NotAuthorized,
            Conflict | RateExceeded(_) | TooManyRequests => Exception::TooManyRequests,
            PasskeyChallengeNotFound => Exception::WebAuthnChallengeNotFound,
            PasskeyClientMismatch => Exception::WebAuthnClientMismatch,
            PasskeyConfigurationMissing => Exception::WebAuthnConfigurationMissing,
            PasskeyNotSupported(_) => Exception::WebAuthnCredentialNotSupported,
            PasskeyOriginNotAllowed => Exception::WebAuthnOriginNotAllowed,
            PasskeyRelyingPartyMismatch => Exception::WebAuthnRelyingPartyMismatch,
            PasskeysNotEnabled => Exception::WebAuthnNotEnabled,
            PasswordResetRequired => Exception::PasswordResetRequired,
            RefreshTokenReused => Exception::RefreshTokenReuse,
            ResendNotPossible(_) => Exception::UnsupportedUserState,
            SoftwareTokenMfaOff => Exception::SoftwareTokenMFANotFound,
            SoftwareTokenSetUpMismatch => Exception::EnableSoftwareTokenMFA,
            TriggerAnswerUnusable(_) => Exception::InvalidLambdaResponse,
            TriggerNotInvoked { .. } => Exception::UnexpectedLambda,
            TriggerThrew { .. } => Exception::UserLambdaValidation,
            Unauthorized => Exception::Unauthorized,
            UnrecognizedClient => Exception::UnrecognizedClient,
            UnsupportedOperation => Exception::UnsupportedOperation,
            UnsupportedTokenType => Exception::UnsupportedTokenType,
            UserDoesNotExist | UsernameClientCombinationNotFound => Exception::UserNotFound,
            UserIsNotConfirmed => Exception::UserNotConfirmed,
            UsernameExists(_) => Exception::UsernameExists,
            ClientSecretDoesNotExist(_)
            | DeviceDoesNotExist
            | GroupNotFound
            | PasskeyDoesNotExist
            | UserPoolClientDoesNotExist(_)
            | UserPoolDoesNotExist(_) => Exception::ResourceNotFound,
        }
    }
}

/// The names under which Cognito's clients know errors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exception {
    AccessDenied,
    AliasExists,
    CodeDeliveryFailure,
    CodeMismatch,
    DeviceKeyExists,
    EnableSoftwareTokenMFA,
    ExpiredCode,
    GroupExists,
    IncompleteSignature,
    InternalError,
    InvalidLambdaResponse,
    InvalidParameter,
    InvalidPassword,
    InvalidSignature,
    InvalidUserPoolConfiguration,
    LimitExceeded,
    MissingAuthenticationToken,
    NotAuthorized,
    PasswordResetRequired,
    RefreshTokenReuse,
    ResourceNotFound,
    SoftwareTokenMFANotFound,
    TooManyRequests,
    Unauthorized,
    UnexpectedLambda,
    UnrecognizedClient,
    UnsupportedOperation,
    UnsupportedTokenType,
    UnsupportedUserState,
    UserLambdaValidation,
    UserNotConfirmed,
    UserNotFound,
    UsernameExists,
    WebAuthnChallengeNotFound,
    WebAuthnClientMismatch,
    WebAuthnConfigurationMissing,
    WebAuthnCredentialNotSupported,
    WebAuthnNotEnabled,
    WebAuthnOriginNotAllowed,
    WebAuthnRelyingPartyMismatch,
}

impl Exception {
    /// The name on the wire, such as `UserNotFoundException`.
    pub fn name(self) -> String {
        format!("{self:?}Exception")
    }

    /// The reason of a `google.rpc.ErrorInfo`, such as `USER_NOT_FOUND`.
    pub fn reason(self) -> String {
        let name: Vec<char> = format!("{self:?}").chars().collect();
        let mut reason = String::new();
        for (at, letter) in name.iter().enumerate() {
            let follows_lower = at > 0 && name[at - 1].is_lowercase();
            // The last letter of `MFA` in `MFANotFound` does not begin a word; the one after it does.
            let precedes_lower = at > 0 && name.get(at + 1).is_some_and(|next| next.is_lowercase());
            if letter.is_uppercase() && (follows_lower || precedes_lower) {
                reason.push('_');
            }
            reason.push(letter.to_ascii_uppercase());
        }
        reason
    }
}

/// One member of a request that breaks a bound of the contract.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// Where: `username`, `userAttributes.1.member.name`.
    pub path: String,
    /// What stood there.
    pub value: ViolatingValue,
    /// Which bound, in Cognito's words: `Member must not be null`.
    pub constraint: String,
}

/// The value of a [`Violation`], as far as the caller may see it again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ViolatingValue {
    Absent,
    Sensitive,
    Shown(String),
}

impl fmt::Display for Violation {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.value {
            ViolatingValue::Absent => write!(out, "Value null at")?,
            ViolatingValue::Sensitive => write!(out, "Value at")?,
            ViolatingValue::Shown(value) => write!(out, "Value '{value}' at")?,
        }
        write!(out, " '{}' failed to satisfy constraint: {}", self.path, self.constraint)
    }
}

/// Cognito's sentence about all violations together (reference 1.7); at most ten are told.
fn constraint_sentence(violations: &[Violation]) -> String {
    const VIOLATIONS_TOLD_MAX: usize = 10;
    let told: Vec<String> = violations.iter().take(VIOLATIONS_TOLD_MAX).map(Violation::to_string).collect();
    let errors = if told.len() == 1 { "error" } else { "errors" };
    format!("{} validation {errors} detected: {}", told.len(), told.join("; "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_reasons_follow_cognito() {
        assert_eq!(Error::UserDoesNotExist.exception().name(), "UserNotFoundException");
        assert_eq!(Error::UserIsNotConfirmed.exception().reason(), "USER_NOT_CONFIRMED");
        assert_eq!(Error::SoftwareTokenMfaOff.exception().name(), "SoftwareTokenMFANotFoundException");
        assert_eq!(Error::SoftwareTokenMfaOff.exception().reason(), "SOFTWARE_TOKEN_MFA_NOT_FOUND");
        assert_eq!(Error::SoftwareTokenSetUpMismatch.exception().reason(), "ENABLE_SOFTWARE_TOKEN_MFA");
    }

    #[test]
    fn violations_read_as_cognitos_sentence() {
        let absent = Violation {
            path: "userPoolId".into(),
            value: ViolatingValue::Absent,
            constraint: "Member must not be null".into(),
        };
        let hidden = Violation { path: "username".into(), value: ViolatingValue::Sensitive, ..absent.clone() };
        assert_eq!(
            Error::Constraints(vec![absent, hidden]).to_string(),
            "2 validation errors detected: Value null at 'userPoolId' failed to satisfy constraint: Member must not be null; \
             Value at 'username' failed to satisfy constraint: Member must not be null"
        );
    }
}
