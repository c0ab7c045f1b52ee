//! What a file looks like, for somebody who is about to say how it is to be read.
