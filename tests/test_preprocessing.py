from __future__ import annotations

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

from fitnets_lib.arrays import Array, Arrays
from fitnets_lib.preprocessing import contrast_normalised, scaled, standardised, whitened, zca


def splits(count: int = 400, seed: int = 0) -> tuple[Arrays, Arrays, Arrays]:
    random = np.random.default_rng(seed)
    mix = random.normal(size=(12, 12))

    def some(n: int) -> Arrays:
        return Arrays((random.normal(size=(n, 12)) @ mix + 7).reshape(n, 3, 2, 2), np.zeros(n, np.int64))

    return some(count), some(50), some(60)


def test_a_contrast_normalised_image_has_no_mean_and_the_length_55() -> None:
    found = contrast_normalised(splits()[0].images).reshape(400, 12)
    assert np.abs(found.mean(axis=1)).max() < 1e-4
    assert np.linalg.norm(found, axis=1) == pytest.approx(np.full(400, 55.0), rel=1e-4)


def test_a_flat_image_becomes_zero_and_not_nan() -> None:
    assert (contrast_normalised(np.full((2, 3, 2, 2), 9.0)) == 0).all()


def covariance(images: Array) -> Array:
    flat = images.reshape(len(images), -1)
    return np.cov(flat.T, bias=True)


def test_zca_without_bias_makes_the_covariance_the_identity() -> None:
    images = splits()[0].images
    mean, matrix = zca(images, bias=0.0)
    white = (images.reshape(400, 12) - mean) @ matrix
    assert np.abs(np.cov(white.T, bias=True) - np.eye(12)).max() < 1e-6


def test_zca_shrinks_each_principal_direction_by_its_variance_plus_the_bias() -> None:
    images = splits()[0].images
    _, matrix = zca(images, bias=0.1)
    variances, directions = np.linalg.eigh(covariance(images))
    np.testing.assert_allclose(directions.T @ matrix @ directions, np.diag((variances + 0.1) ** -0.5), atol=1e-8)
    np.testing.assert_allclose(matrix, matrix.T, atol=1e-12)


def test_whitening_is_fitted_on_the_training_images_alone() -> None:
    train, validation, test = splits()
    other = splits(seed=5)[2]
    first, second = whitened((train, validation, test)), whitened((train, validation, other))
    np.testing.assert_array_equal(first[1].images, second[1].images)
    assert np.abs(first[0].images.mean(axis=0)).max() < 1e-4


def test_standardising_is_fitted_on_the_training_images_alone() -> None:
    train, validation, _ = standardised(splits())
    assert (train.images.mean(), train.images.std()) == (pytest.approx(0, abs=1e-9), pytest.approx(1))
    assert abs(validation.images.mean()) > 1e-3


def test_standardised_bytes_are_single_precision() -> None:
    pixels = np.arange(24, dtype=np.uint8).reshape(2, 1, 3, 4)
    found, *_ = standardised((Arrays(pixels, np.zeros(2, np.int64)),) * 3)
    assert found.images.dtype == np.float32
    # 0 to 23 have the mean 11.5 and the variance (24^2 - 1) / 12.
    assert found.images.ravel() == pytest.approx((np.arange(24) - 11.5) / np.sqrt(575 / 12), abs=1e-6)


def test_scaling_maps_bytes_to_0_to_1() -> None:
    images = np.array([0, 51, 255], np.uint8).reshape(3, 1, 1, 1)
    parts = scaled((Arrays(images, np.zeros(3, np.int64)),) * 3)
    assert parts[0].images.ravel().tolist() == pytest.approx([0, 0.2, 1])
    assert parts[0].images.dtype == np.float32


def test_whitening_is_contrast_normalisation_and_then_zca_of_the_training_images_by_hand() -> None:
    def normalised(images: Array) -> Array:
        flat = images.reshape(len(images), -1)
        flat = flat - flat.mean(axis=1, keepdims=True)
        found: Array = 55 * flat / np.linalg.norm(flat, axis=1, keepdims=True)
        return found

    parts = splits()
    train = normalised(parts[0].images)
    variances, directions = np.linalg.eigh(np.cov(train.T, bias=True))
    matrix = directions @ np.diag((variances + 0.1) ** -0.5) @ directions.T
    for own, found in zip(parts, whitened(parts), strict=True):
        expected = ((normalised(own.images) - train.mean(axis=0)) @ matrix).reshape(own.images.shape)
        np.testing.assert_allclose(found.images, expected, atol=1e-3)


def test_whitened_images_have_the_same_bits_with_any_number_of_threads() -> None:
    images = np.random.default_rng(0).normal(size=(900, 3, 12, 12)).astype(np.float32)
    parts = (Arrays(images, np.zeros(900, np.int64)),) * 3
    found = []
    for threads in (1, 2, 3):
        with threadpool_limits(threads, "blas"):
            found.append(whitened(parts)[0].images.tobytes())
    assert found[0] == found[1] == found[2]
