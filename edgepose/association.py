"""People out of the maps as the network leaves them: the compiled kernel of cython_ext."""

from edgepose._association import Associator, People

__all__ = ["Associator", "People"]
