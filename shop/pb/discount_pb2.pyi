from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Discount(_message.Message):
    __slots__ = ("id", "sku", "percent", "coupon", "description", "version")
    ID_FIELD_NUMBER: _ClassVar[int]
    SKU_FIELD_NUMBER: _ClassVar[int]
    PERCENT_FIELD_NUMBER: _ClassVar[int]
    COUPON_FIELD_NUMBER: _ClassVar[int]
    DESCRIPTION_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    id: str
    sku: str
    percent: int
    coupon: str
    description: str
    version: int
    def __init__(self, id: _Optional[str] = ..., sku: _Optional[str] = ..., percent: _Optional[int] = ..., coupon: _Optional[str] = ..., description: _Optional[str] = ..., version: _Optional[int] = ...) -> None: ...

class GetDiscountRequest(_message.Message):
    __slots__ = ("id",)
    ID_FIELD_NUMBER: _ClassVar[int]
    id: str
    def __init__(self, id: _Optional[str] = ...) -> None: ...

class ListDiscountsRequest(_message.Message):
    __slots__ = ("skus", "coupon", "coupon_must_be_usable")
    SKUS_FIELD_NUMBER: _ClassVar[int]
    COUPON_FIELD_NUMBER: _ClassVar[int]
    COUPON_MUST_BE_USABLE_FIELD_NUMBER: _ClassVar[int]
    skus: _containers.RepeatedScalarFieldContainer[str]
    coupon: str
    coupon_must_be_usable: bool
    def __init__(self, skus: _Optional[_Iterable[str]] = ..., coupon: _Optional[str] = ..., coupon_must_be_usable: _Optional[bool] = ...) -> None: ...

class ListDiscountsResponse(_message.Message):
    __slots__ = ("discounts", "coupon_problem")
    class DiscountsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: Discount
        def __init__(self, key: _Optional[str] = ..., value: _Optional[_Union[Discount, _Mapping]] = ...) -> None: ...
    DISCOUNTS_FIELD_NUMBER: _ClassVar[int]
    COUPON_PROBLEM_FIELD_NUMBER: _ClassVar[int]
    discounts: _containers.MessageMap[str, Discount]
    coupon_problem: str
    def __init__(self, discounts: _Optional[_Mapping[str, Discount]] = ..., coupon_problem: _Optional[str] = ...) -> None: ...

class CreateDiscountRequest(_message.Message):
    __slots__ = ("discount", "idempotency_key")
    DISCOUNT_FIELD_NUMBER: _ClassVar[int]
    IDEMPOTENCY_KEY_FIELD_NUMBER: _ClassVar[int]
    discount: Discount
    idempotency_key: str
    def __init__(self, discount: _Optional[_Union[Discount, _Mapping]] = ..., idempotency_key: _Optional[str] = ...) -> None: ...

class UpdateDiscountRequest(_message.Message):
    __slots__ = ("discount",)
    DISCOUNT_FIELD_NUMBER: _ClassVar[int]
    discount: Discount
    def __init__(self, discount: _Optional[_Union[Discount, _Mapping]] = ...) -> None: ...

class DeleteDiscountRequest(_message.Message):
    __slots__ = ("id", "version")
    ID_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    id: str
    version: int
    def __init__(self, id: _Optional[str] = ..., version: _Optional[int] = ...) -> None: ...

class DeleteDiscountResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class Coupon(_message.Message):
    __slots__ = ("code", "uses_per_customer", "uses_in_total")
    CODE_FIELD_NUMBER: _ClassVar[int]
    USES_PER_CUSTOMER_FIELD_NUMBER: _ClassVar[int]
    USES_IN_TOTAL_FIELD_NUMBER: _ClassVar[int]
    code: str
    uses_per_customer: int
    uses_in_total: int
    def __init__(self, code: _Optional[str] = ..., uses_per_customer: _Optional[int] = ..., uses_in_total: _Optional[int] = ...) -> None: ...

class PutCouponRequest(_message.Message):
    __slots__ = ("coupon",)
    COUPON_FIELD_NUMBER: _ClassVar[int]
    coupon: Coupon
    def __init__(self, coupon: _Optional[_Union[Coupon, _Mapping]] = ...) -> None: ...

class RedeemRequest(_message.Message):
    __slots__ = ("coupon", "order_id")
    COUPON_FIELD_NUMBER: _ClassVar[int]
    ORDER_ID_FIELD_NUMBER: _ClassVar[int]
    coupon: str
    order_id: str
    def __init__(self, coupon: _Optional[str] = ..., order_id: _Optional[str] = ...) -> None: ...

class RedeemResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...
