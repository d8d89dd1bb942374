mod autodiff;
mod cube;
mod flex;
