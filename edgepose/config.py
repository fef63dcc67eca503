"""The typed configuration. Reading it from YAML is edgepose.config_yaml's job; defaults and bounds stand here."""

from typing import Annotated, Literal

import msgspec

from edgepose.care.settings import Care, Tracking
from edgepose.section import Section
from edgepose.wholebody.settings import WholeBodySettings

Positive = Annotated[float, msgspec.Meta(gt=0)]
Count = Annotated[int, msgspec.Meta(ge=1)]
Unit = Annotated[float, msgspec.Meta(ge=0, le=1)]
Threshold = Annotated[float, msgspec.Meta(gt=0, le=1)]
Port = Annotated[int, msgspec.Meta(ge=1, le=65535)]
Name = Annotated[str, msgspec.Meta(pattern="^[a-zA-Z0-9_-]{1,64}$", description="letters, digits, _ and -")]
Topic = Annotated[str, msgspec.Meta(pattern=r"^[^+#/\x00][^+#\x00]*$", description="an MQTT topic without wildcards")]
Polygon = Annotated[tuple[tuple[Unit, Unit], ...], msgspec.Meta(min_length=3)]


class Node(Section, frozen=True):
    """The device itself."""

    name: Name
    """The second part of every topic."""


class Tls(Section, frozen=True):
    """TLS towards the broker; leave the section out for none."""

    ca_file: str = "system"
    """`system` for the machine's own certificate authorities, or a PEM file."""
    cert_file: str | None = None
    key_file: str | None = None


class PoseMessages(Section, frozen=True):
    """The message a frame."""

    max_hz: Positive | None = None
    """At most so many pose messages a second and camera; none: every frame."""
    openpose: bool = False
    """Also publish OpenPose 1.3 JSON on …/pose/openpose."""
    keep_alive_s: Positive = 10.0
    """An empty room is published once, then again after so many seconds."""


class Discovery(Section, frozen=True):
    """Home Assistant's discovery."""

    enabled: bool = True
    prefix: Topic = "homeassistant"
    """As in Home Assistant's own MQTT settings."""


class Mqtt(Section, frozen=True):
    """The broker."""

    host: str = "localhost"
    port: Port | None = None
    """1883, or 8883 with tls."""
    username: str | None = None
    password_file: str | None = None
    """A file that holds the password alone, or `credential:NAME` for systemd's LoadCredential."""
    tls: Tls | None = None
    topic_prefix: Topic = "edgepose"
    client_id: Annotated[str, msgspec.Meta(min_length=1, max_length=64)] | None = None
    """edgepose-<machine id> where it is left out; two clients of one id throw each other out."""
    discovery: Discovery = Discovery()
    pose: PoseMessages = PoseMessages()
    keep_alive_s: Annotated[int, msgspec.Meta(ge=5, le=3600)] = 30

    @property
    def effective_port(self) -> int:
        """The port that is meant."""
        return self.port or (8883 if self.tls else 1883)


class FileSource(Section, frozen=True, tag_field="type", tag="file"):
    """A video file, a picture, or a folder of pictures; every frame is delivered."""

    path: str
    loop: bool = False
    realtime: bool = False
    """Wait, so that frames come at the file's own pace."""


class RtspSource(Section, frozen=True, tag_field="type", tag="rtsp"):
    """An RTSP camera."""

    url: str
    transport: Literal["tcp", "udp"] = "tcp"
    password_file: str | None = None
    """Put in the place of `@PASSWORD@` in the url."""


class HttpSource(Section, frozen=True, tag_field="type", tag="http"):
    """Motion JPEG, or any video that FFmpeg reads, over HTTP."""

    url: str
    password_file: str | None = None
    """Put in the place of `@PASSWORD@` in the url."""


class V4l2Source(Section, frozen=True, tag_field="type", tag="v4l2"):
    """A USB camera."""

    device: str = "/dev/video0"
    width: Count = 640
    height: Count = 480
    fps: Positive = 15.0
    pixel_format: str | None = None
    """FFmpeg's name, such as mjpeg or yuyv422; left out: the driver's choice."""


class IrCut(Section, frozen=True):
    """A filter against infrared light, as on camera modules for day and night, switched by a GPIO line."""

    gpio: Annotated[int, msgspec.Meta(ge=0)]
    """The line's number on its chip; on a Pi that is the GPIO number."""
    chip: str = "/dev/gpiochip0"
    block_infrared: bool = True
    """True by day, false at night with an infrared lamp."""
    active_low: bool = False
    """Whether a low level blocks infrared light."""


ControlValue = bool | int | float | tuple[float, ...]


class Picamera2Source(Section, frozen=True, tag_field="type", tag="picamera2"):
    """A camera module of a Raspberry Pi."""

    camera: Annotated[int, msgspec.Meta(ge=0)] = 0
    width: Count = 640
    height: Count = 480
    fps: Positive = 15.0
    hflip: bool = False
    """Mirror the picture, left to right."""
    vflip: bool = False
    """Mirror the picture, top to bottom; with hflip, it is turned by half."""
    exposure_us: Count | None = None
    """A fixed exposure time in microseconds; left out: automatic."""
    gain: Annotated[float, msgspec.Meta(ge=1)] | None = None
    """A fixed analogue gain; left out: automatic."""
    ir_cut: IrCut | None = None
    """A filter against infrared light that a GPIO line moves; left out: nothing is moved."""
    controls: dict[str, ControlValue] = msgspec.field(default_factory=dict)
    """Other controls of libcamera by their names, such as Brightness: 0.1 or AwbEnable: false."""


SourceConfig = FileSource | RtspSource | HttpSource | V4l2Source | Picamera2Source


class Mount(Section, frozen=True):
    """How the camera hangs."""

    rotate: Literal[0, 90, 180, 270] = 0
    """Clockwise degrees that bring the picture upright."""
    view: Literal["wall", "ceiling"] = "wall"


class Zone(Section, frozen=True):
    """A named part of the picture."""

    kind: Literal["bed", "sofa", "chair", "floor", "door", "bathroom", "other"]
    polygon: Polygon
    """Corners, normalised 0 to 1 of the upright picture."""


class Camera(Section, frozen=True):
    """One camera and its view."""

    source: SourceConfig
    mount: Mount = Mount()
    privacy_masks: tuple[Polygon, ...] = ()
    """Polygons, normalised 0 to 1 of the upright picture, made black before the network sees it."""
    zones: dict[Name, Zone] = msgspec.field(default_factory=dict)
    stall_timeout_s: Positive = 5.0
    """A camera that gives no frame for so long is reported as stalled and opened again."""
    give_up_after: Annotated[int, msgspec.Meta(ge=0)] = 20
    """After so many attempts in a row without a frame the process ends, so that its supervisor starts it afresh, which
    helps where a driver is stuck; 0: never. With the growing waits 20 are about ten minutes."""


class LowPower(Section, frozen=True):
    """An empty room in which nothing moves is looked at less often; a live camera only."""

    enabled: bool = True
    fps: Positive = 1.0
    """So many frames a second then go through the network; one in which something moves goes at once."""
    after_s: Positive = 10.0
    """After so long without anybody and without motion."""


class Model(Section, frozen=True):
    """The network."""

    name: str = "auto"
    """`auto`, the name of a network that `edgepose models` lists, or the path of a .tflite file with its sidecar."""
    threads: Annotated[int, msgspec.Meta(ge=0, le=64)] = 0
    """0: one less than the machine has cores, at least one, at most three."""
    delegate: str = "none"
    """none, edgetpu, or the path of an external delegate's .so file; without it, the processor takes over."""
    delegate_options: dict[str, str] = msgspec.field(default_factory=dict)
    """Handed to the delegate, such as device: usb for edgetpu."""


class Association(Section, frozen=True):
    """Thresholds; left out: the network's own, from its sidecar."""

    min_keypoint: Threshold | None = None
    min_limb: Unit | None = None
    max_people: Annotated[int, msgspec.Meta(ge=1, le=200)] = 20


class Http(Section, frozen=True):
    """Prometheus metrics on /metrics and /healthz; leave the section out for none."""

    bind: Annotated[
        str, msgspec.Meta(pattern=r"^(\[[0-9a-fA-F:.]+\]|[^:\[\]]+):[0-9]{1,5}$", description="ADDRESS:PORT")
    ] = "127.0.0.1:9464"

    @property
    def address(self) -> tuple[str, int]:
        """Host and port."""
        host, _, port = self.bind.rpartition(":")
        return host.strip("[]"), int(port)


class Logging(Section, frozen=True):
    """The log, on standard error."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    format: Literal["journal", "json", "text"] | None = None
    """Left out: journal where standard error leads to systemd's journal, else text."""


class Config(Section, frozen=True):
    """The whole file."""

    node: Node
    cameras: Annotated[dict[Name, Camera], msgspec.Meta(min_length=1)]
    mqtt: Mqtt = Mqtt()
    model: Model = Model()
    association: Association = Association()
    tracking: Tracking = Tracking()
    care: Care = Care()
    wholebody: WholeBodySettings = WholeBodySettings()
    low_power: LowPower = LowPower()
    http: Http | None = None
    logging: Logging = Logging()
