//! The stable codes that clients key on, and the HTTP status each has when it
//! ends a request before execution (contract `graphql.md` 2.2).

/// An error's stable code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ErrorCode {
    /// Syntax or validation of a document, or a value that does not fit its variable.
    GraphqlValidation,
    /// No right, or no such item: not told apart.
    Forbidden,
    /// An argument that cannot be carried out.
    InvalidQuery,
    /// A malformed request body, or a payload that cannot be written.
    InvalidPayload,
    /// A value breaks a rule of its field.
    FailedValidation,
    /// Another row has this value already.
    RecordNotUnique,
    /// The database got a null where it takes none.
    NotNullViolation,
    /// There is no such row to point to, or rows still point here.
    InvalidForeignKey,
    /// A number beyond what its column can hold.
    ValueOutOfRange,
    /// A text longer than its column allows.
    ValueTooLong,
    /// Credentials that are not known.
    InvalidCredentials,
    /// The one-time password is missing or wrong.
    InvalidOtp,
    /// A token whose time is over.
    TokenExpired,
    /// A token that was tampered with.
    InvalidToken,
    /// The user may not come in any more.
    UserSuspended,
    /// An invitation that was accepted already, or taken back.
    InvalidInvite,
    /// More often than a limit allows.
    RequestsExceeded,
    /// It makes sense, and must not be all the same.
    UnprocessableContent,
    /// A value in the database that its field's type cannot carry.
    UnrepresentableValue,
    /// The method is not for this operation.
    MethodNotAllowed,
    /// No such path.
    RouteNotFound,
    /// Something of that name is under way already.
    Conflict,
    /// None of the content types that the client accepts can be produced.
    NotAcceptable,
    /// The body's content type cannot be read.
    UnsupportedMediaType,
    /// The body is larger than the limit.
    ContentTooLarge,
    /// The document asks for more than a limit allows.
    LimitExceeded,
    /// What came behind a position is not known any more.
    Reset,
    /// The operation or a statement ran out of time.
    OutOfTime,
    /// The client takes what it is told more slowly than changes come.
    TooSlow,
    /// The gateway stops.
    GoingAway,
    /// The database is not there.
    ServiceUnavailable,
    /// Ours to look into.
    InternalServerError,
}

impl ErrorCode {
    /// All codes, for the table in the documentation.
    pub const ALL: [Self; 32] = [
        Self::GraphqlValidation,
        Self::Forbidden,
        Self::InvalidQuery,
        Self::InvalidPayload,
        Self::FailedValidation,
        Self::RecordNotUnique,
        Self::NotNullViolation,
        Self::InvalidForeignKey,
        Self::ValueOutOfRange,
        Self::ValueTooLong,
        Self::InvalidCredentials,
        Self::InvalidOtp,
        Self::TokenExpired,
        Self::InvalidToken,
        Self::UserSuspended,
        Self::InvalidInvite,
        Self::RequestsExceeded,
        Self::UnprocessableContent,
        Self::UnrepresentableValue,
        Self::MethodNotAllowed,
        Self::RouteNotFound,
        Self::Conflict,
        Self::NotAcceptable,
        Self::UnsupportedMediaType,
        Self::ContentTooLarge,
        Self::LimitExceeded,
        Self::Reset,
        Self::OutOfTime,
        Self::TooSlow,
        Self::GoingAway,
        Self::ServiceUnavailable,
        Self::InternalServerError,
    ];

    /// The spelling in `extensions.code`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::GraphqlValidation => "GRAPHQL_VALIDATION",
            Self::Forbidden => "FORBIDDEN",
            Self::InvalidQuery => "INVALID_QUERY",
            Self::InvalidPayload => "INVALID_PAYLOAD",
            Self::FailedValidation => "FAILED_VALIDATION",
            Self::RecordNotUnique => "RECORD_NOT_UNIQUE",
            Self::NotNullViolation => "NOT_NULL_VIOLATION",
            Self::InvalidForeignKey => "INVALID_FOREIGN_KEY",
            Self::ValueOutOfRange => "VALUE_OUT_OF_RANGE",
            Self::ValueTooLong => "VALUE_TOO_LONG",
            Self::InvalidCredentials => "INVALID_CREDENTIALS",
            Self::InvalidOtp => "INVALID_OTP",
            Self::TokenExpired => "TOKEN_EXPIRED",
            Self::InvalidToken => "INVALID_TOKEN",
            Self::UserSuspended => "USER_SUSPENDED",
            Self::InvalidInvite => "INVALID_INVITE",
            Self::RequestsExceeded => "REQUESTS_EXCEEDED",
            Self::UnprocessableContent => "UNPROCESSABLE_CONTENT",
            Self::UnrepresentableValue => "UNREPRESENTABLE_VALUE",
            Self::MethodNotAllowed => "METHOD_NOT_ALLOWED",
            Self::RouteNotFound => "ROUTE_NOT_FOUND",
            Self::Conflict => "CONFLICT",
            Self::NotAcceptable => "NOT_ACCEPTABLE",
            Self::UnsupportedMediaType => "UNSUPPORTED_MEDIA_TYPE",
            Self::ContentTooLarge => "CONTENT_TOO_LARGE",
            Self::LimitExceeded => "LIMIT_EXCEEDED",
            Self::Reset => "RESET",
            Self::OutOfTime => "OUT_OF_TIME",
            Self::TooSlow => "TOO_SLOW",
            Self::GoingAway => "GOING_AWAY",
            Self::ServiceUnavailable => "SERVICE_UNAVAILABLE",
            Self::InternalServerError => "INTERNAL_SERVER_ERROR",
        }
    }

    /// The HTTP status when the error ends the request before execution.
    pub fn http_status(self) -> u16 {
        match self {
            Self::GraphqlValidation
            | Self::InvalidQuery
            | Self::InvalidPayload
            | Self::FailedValidation
            | Self::RecordNotUnique
            | Self::NotNullViolation
            | Self::InvalidForeignKey
            | Self::ValueOutOfRange
            | Self::ValueTooLong => 400,
            Self::InvalidInvite => 400,
            Self::InvalidCredentials | Self::InvalidOtp | Self::TokenExpired | Self::UserSuspended => 401,
            Self::Forbidden | Self::InvalidToken | Self::LimitExceeded => 403,
            Self::RouteNotFound => 404,
            Self::MethodNotAllowed => 405,
            Self::NotAcceptable => 406,
            Self::OutOfTime | Self::TooSlow => 408,
            Self::Conflict => 409,
            Self::Reset => 410,
            Self::ContentTooLarge => 413,
            Self::UnsupportedMediaType => 415,
            Self::UnprocessableContent => 422,
            Self::RequestsExceeded => 429,
            Self::GoingAway | Self::ServiceUnavailable => 503,
            Self::UnrepresentableValue | Self::InternalServerError => 500,
        }
    }
}
