"""Every call that a fitted estimator must answer, and what the answer must be."""

import pickle

import numpy as np
import scipy.sparse as sp
import torch
from sklearn.base import clone


class WrongAnswer(Exception):
    """An answer that is not finite, or has another shape or type than it should."""


def check(name, found, shape, dtype):
    """Raise an error unless an array is finite, and of a shape and a type."""
    values = found.data if sp.issparse(found) else found
    if found.shape != shape:
        raise WrongAnswer(f"{name}: shape {found.shape}, not {shape}")
    if dtype is not None and found.dtype != dtype:
        raise WrongAnswer(f"{name}: type {found.dtype}, not {dtype}")
    if found.dtype.kind == "f" and not np.isfinite(values).all():
        raise WrongAnswer(f"{name}: not finite")


def check_number(name, value, most):
    if type(value) is not float or not np.isfinite(value) or value > most + 1e-6:
        raise WrongAnswer(f"{name}: {value!r}")


def use(model, case, y):
    """Call every method of a fitted estimator, and check what it returns."""
    if hasattr(model, "predict"):
        use_predictor(model, case, y)
    else:
        use_autoencoder(model, case)
    use_copies(model, case)


def use_autoencoder(model, case):
    X, table = case.X, case.table
    n_rows, whole = table.n_rows, (table.n_rows, *table.row_shape)
    units = np.float32 if case.is_float32 else np.float64
    codes = model.transform(X)
    check("transform", codes, (n_rows, model.n_components_), np.float32)
    if len(model.get_feature_names_out()) != model.n_components_:
        raise WrongAnswer("get_feature_names_out")
    check("reconstruct", model.reconstruct(X), whole, units)
    scores = model.score_samples(X)
    check("score_samples", scores, (n_rows,), None)
    if (scores > 0).any():
        raise WrongAnswer("score_samples: above 0")
    check_number("score", model.score(X), 1.0)
    str(model.summary())
    if case.params.get("upsampling") != "unpool":
        check("inverse_transform", model.inverse_transform(codes), whole, units)
        flat = torch.zeros((2, table.n_features))
        decoded = model.decoder_(model.encoder_(flat))
        check("decoder_", decoded.detach().numpy(), flat.shape, np.float32)
    if hasattr(model, "corrupt") and "X_clean" not in case.fit:
        check("corrupt", model.corrupt(X, random_state=0), whole, units)
        check("denoise", model.denoise(X), whole, units)
    if hasattr(model, "log_likelihood"):
        use_likelihood(model, case, whole, units)
    if model.get_params().get("nested", False) is not False:
        check(
            "explained_variance_ratio_",
            model.explained_variance_ratio_,
            (model.n_components_,),
            None,
        )
        first = model.truncate(1).transform(X)
        check("truncate", first, (n_rows, 1), np.float32)


def use_likelihood(model, case, whole, units):
    X, n_rows = case.X, case.table.n_rows
    check("elbo", model.elbo(X), (n_rows,), np.float32)
    check("log_likelihood", model.log_likelihood(X, 5), (n_rows,), np.float32)
    sample = model.sample(3, random_state=0)
    check("sample", sample, (3, *whole[1:]), units)
    sample = model.sample(3, noise=True, random_state=0)
    check("sample with noise", sample, (3, *whole[1:]), units)
    row = case.table.X[0].ravel()
    check("interpolate", model.interpolate(row, row, 4), (4, *whole[1:]), None)


def use_predictor(model, case, y):
    X, n_rows = case.X, case.table.n_rows
    y = np.asarray(y)
    predicted = model.predict(X)
    check_number("score", model.score(X, y), 1.0)
    if not hasattr(model, "predict_proba"):
        check("predict", predicted, y.shape, np.float64)
        return
    check("predict", predicted, (n_rows,), None)
    if not np.isin(predicted, model.classes_).all():
        raise WrongAnswer("predict: no class")
    shares = model.predict_proba(X)
    n_classes = len(model.classes_)
    check("predict_proba", shares, (n_rows, n_classes), np.float32)
    if not np.allclose(shares.sum(axis=1), 1, atol=1e-5):
        raise WrongAnswer("predict_proba: no shares")
    shape = (n_rows,) if n_classes == 2 else (n_rows, n_classes)
    check("decision_function", model.decision_function(X), shape, np.float32)


def use_copies(model, case):
    """A pickle answers as the model does; a clone knows nothing."""
    verb = "predict" if hasattr(model, "predict") else "transform"
    again = pickle.loads(pickle.dumps(model))
    found, wanted = getattr(again, verb)(case.X), getattr(model, verb)(case.X)
    if sp.issparse(wanted):
        found, wanted = found.toarray(), wanted.toarray()
    if not np.array_equal(found, wanted):
        raise WrongAnswer(f"{verb} of a pickle differs")
    if hasattr(clone(model), "n_features_in_"):
        raise WrongAnswer("a clone is fitted")
