//! The judgement of Portcullis.
