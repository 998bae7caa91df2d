//! Solvers: pure functions of matrices, each in its file or folder.

mod lbfgs;
pub mod lda;
pub mod logistic;
pub mod perceptron;
pub mod ridge;
pub mod softmax;
pub mod sums;
