//! Why an app cannot be served: said in one line when the process starts. Not what a request gets.

/// Why there is no app to serve.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// A file or folder cannot be read.
    #[error("cannot read {0}: {1}")]
    Unreadable(String, std::io::Error),
    /// It is not an app that was built.
    #[error("there is no index.html in it; `cargo xtask build` makes web/dist")]
    NoDocument,
    /// More than is held in memory.
    #[error("it has more than {0}; is it the right folder?")]
    TooLarge(&'static str),
    /// A line of `_headers` that means nothing here.
    #[error("_headers, line {0}: {1}")]
    Rule(usize, &'static str),
}
