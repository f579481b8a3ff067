from attrs import frozen

from tests.actions.samples.apart.one import DescribeSamples


@frozen
class DeleteSamples(DescribeSamples):
    pass
