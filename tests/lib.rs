//! The lab that the proofs and the demo of Portcullis run on.
