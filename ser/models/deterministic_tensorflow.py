"""TensorFlow set up to give the same bits on every run; import this before TensorFlow."""

import os

# Read once, when TensorFlow is loaded. oneDNN takes half the time of TensorFlow's own kernels; with one
# thread (see `start`) its order of operations is fixed too. Set here, as the last digits differ without it.
os.environ["TF_ENABLE_ONEDNN_OPTS"] = "1"
# Its notes on CUDA, which is not used, would drown the progress bar.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ["CUDA_VISIBLE_DEVICES"] = "-1"

import keras
import tensorflow as tf

VERSIONS = (keras.__version__, tf.__version__)


def start(seed: int) -> None:
    """Fix every generator, the order of operations, and one thread a process.

    One thread, because sums depend on the number of threads, and because two trainings in parallel use two
    cores better than one training on two.

    Parameters
    ----------
    seed
        Seed of Python's, NumPy's and TensorFlow's generators.
    """
    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    tf.config.experimental.enable_op_determinism()
    keras.backend.clear_session()
    keras.utils.set_random_seed(seed)
